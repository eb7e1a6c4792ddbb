// One picture of the run: which of its numbers are known, and what is at work in it.

const UNKNOWN = "?";

class Picture {
  constructor(figure, parts, variables) {
    this.parts = parts;
    this.variables = variables;
    this.kind = figure.id;
    this.view = new View(figure);
    this.wires = Object.entries(parts.wires).map(([key, [number, at]]) => this.wire(key, number, at));
    this.lit = [];
  }

  part(id) {
    return document.getElementById(`${this.kind}-${id}`);
  }

  wire(key, number, at) {
    const group = this.part(key);
    const found = { key, number, at, group, words: {}, cells: {} };
    for (const word of ["value", "gradient"]) {
      found.words[word] = group?.querySelector(`text.${word}`);
      found.cells[word] = group ? [...group.querySelectorAll(`.cell.${word}`)] : [];
      if (found.words[word]?.classList.contains("alone")) centre(found.words[word]);
    }
    return found;
  }

  // Which of a variable's entries a wire shows: its own step, or the one on the clock.
  index(wire, clock) {
    const { steps } = this.variables[wire.number];
    const at = wire.at ?? clock;
    return steps.reduce((sum, length, i) => sum * length + Math.min(at[i], length - 1), 0);
  }

  draw(position, clock) {
    for (const wire of this.wires) {
      const variable = this.variables[wire.number];
      const index = this.index(wire, clock);
      for (const word of ["value", "gradient"]) {
        drawEntry(wire.words[word], wire.cells[word], word, variable[word]?.[index], position);
      }
    }
    for (const [name, at] of Object.entries(this.parts.columns)) {
      this.part(name)?.classList.toggle("here", at.every((t, i) => t === clock[i]));
    }
  }

  // Light up the gate of a moment, with its lines.
  light(name) {
    for (const part of this.lit) part.classList.remove("now", "lit");
    this.lit = [];
    if (!name) return;
    const lines = this.parts.nodes[name].lines.map((line) => this.part(line));
    this.lit = [this.part(name), ...lines].filter(Boolean);
    this.lit.forEach((part, i) => part.classList.add(i ? "lit" : "now"));
    this.view.follow(this.lit[0]);
  }

  wiresOf(name) {
    const keys = this.parts.nodes[name]?.wires ?? [name];
    return this.wires.filter((wire) => keys.includes(wire.key));
  }
}

function drawEntry(text, cells, word, entry, position) {
  if (!entry) return;
  const known = position >= entry.from;
  if (text) {
    text.textContent = (text.dataset.name ?? "") + (known ? entry.text : UNKNOWN);
    text.classList.toggle("unknown", !known);
    text.classList.toggle("fresh", position > 0 && position === entry.from);
  }
  cells.forEach((cell, i) => {
    cell.classList.toggle("unknown", !known);
    const share = entry.cells?.[i];
    cell.style.fill = known ? shade(word, share) : "";
    cell.style.stroke = known && share === null ? "var(--ink)" : "";
  });
}

function shade(word, share) {
  if (share === null) return "var(--nan)";
  const full = share < 0 ? `${word}-below` : word;
  return `color-mix(in srgb, var(--${full}) ${Math.abs(share ?? 0)}%, var(--low))`;
}

// From now on a text of another length stays in the middle.
function centre(text) {
  const { x, width } = text.getBBox();
  if (!width) return;
  text.setAttribute("x", x + width / 2);
  text.setAttribute("text-anchor", "middle");
}
