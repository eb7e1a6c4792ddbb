"use strict";
// A picture that can be zoomed and moved: what is seen of it is its viewBox.

const READABLE = 0.85; // pixels for a point, below which numbers cannot be read

class View {
  constructor(figure) {
    this.figure = figure;
    this.svg = figure.querySelector("svg");
    const { x, y, width, height } = this.svg.viewBox.baseVal;
    this.whole = { x, y, width, height };
    this.dragged = false;
    this.fit();
    this.listen();
  }

  get size() {
    return this.svg.getBoundingClientRect();
  }

  get scale() {
    const { width, height } = this.size;
    return Math.min(width / this.box.width, height / this.box.height);
  }

  show(box) {
    this.box = box;
    const { x, y, width, height } = box;
    this.svg.setAttribute("viewBox", [x, y, width, height].map((n) => n.toFixed(2)).join(" "));
  }

  fit() {
    this.whole_seen = true;
    this.show({ ...this.whole });
  }

  // All of it, or as much as is large enough to be read.
  start() {
    this.fit();
    if (this.size.width && this.scale < READABLE) {
      this.zoom(READABLE / this.scale, this.at(this.whole.x, this.whole.y));
    }
  }

  // Where a point of the picture is on the screen.
  at(x, y) {
    const { left, top, width, height } = this.size;
    const scale = this.scale;
    const { x: x0, y: y0, width: w, height: h } = this.box;
    return {
      x: left + width / 2 + (x - x0 - w / 2) * scale,
      y: top + height / 2 + (y - y0 - h / 2) * scale,
    };
  }

  // Larger by `factor`; the picture stays where it is at one point of the screen.
  zoom(factor, point) {
    const { left, top, width, height } = this.size;
    if (!width) return;
    const old = this.scale;
    const least = Math.min(width / this.whole.width, height / this.whole.height);
    const scale = Math.max(Math.min(old * factor, 8), least / 2);
    const dx = (point ? point.x - left : width / 2) - width / 2;
    const dy = (point ? point.y - top : height / 2) - height / 2;
    const x = this.box.x + this.box.width / 2 + dx / old - dx / scale;
    const y = this.box.y + this.box.height / 2 + dy / old - dy / scale;
    const box = { width: width / scale, height: height / scale };
    this.whole_seen = false;
    this.show({ x: x - box.width / 2, y: y - box.height / 2, ...box });
  }

  move(dx, dy) {
    const scale = this.scale;
    this.whole_seen = false;
    this.show({ ...this.box, x: this.box.x - dx / scale, y: this.box.y - dy / scale });
  }

  // Bring an element into sight.
  follow(element) {
    if (this.whole_seen || !element || !this.size.width) return;
    const seen = this.size;
    const it = element.getBoundingClientRect();
    const margin = Math.min(90, seen.width / 5, seen.height / 5);
    const outside = (low, high, from, to) => low < from + margin || high > to - margin;
    const dx = seen.left + seen.width / 2 - (it.left + it.right) / 2;
    const dy = seen.top + seen.height / 2 - (it.top + it.bottom) / 2;
    this.move(
      outside(it.left, it.right, seen.left, seen.right) ? dx : 0,
      outside(it.top, it.bottom, seen.top, seen.bottom) ? dy : 0,
    );
    this.keep();
  }

  // Leave no more room beside the picture than there has to be.
  keep() {
    const box = { ...this.box };
    for (const [from, size] of [["x", "width"], ["y", "height"]]) {
      const room = this.whole[size] - box[size];
      box[from] = room < 0
        ? this.whole[from] + room / 2
        : Math.max(this.whole[from], Math.min(box[from], this.whole[from] + room));
    }
    this.show(box);
  }

  listen() {
    const ways = { in: () => this.zoom(1.3), out: () => this.zoom(1 / 1.3), fit: () => this.fit() };
    for (const button of this.figure.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", ways[button.dataset.zoom]);
    }
    this.svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 500), { x: event.clientX, y: event.clientY });
    }, { passive: false });
    this.svg.addEventListener("pointerdown", (event) => this.hold(event));
  }

  hold(start) {
    if (start.button !== 0) return;
    let [x, y] = [start.clientX, start.clientY];
    this.dragged = false;
    const moved = (event) => {
      const far = Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY);
      if (!this.dragged && far < 4) return;
      this.dragged = true;
      this.svg.classList.add("held");
      this.move(event.clientX - x, event.clientY - y);
      [x, y] = [event.clientX, event.clientY];
    };
    const left = () => {
      this.svg.classList.remove("held");
      window.removeEventListener("pointermove", moved);
      window.removeEventListener("pointerup", left);
      window.removeEventListener("pointercancel", left);
    };
    window.addEventListener("pointermove", moved);
    window.addEventListener("pointerup", left);
    window.addEventListener("pointercancel", left);
  }
}
