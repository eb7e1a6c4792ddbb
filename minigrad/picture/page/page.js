// The controls, and what is shown because of them.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const last = data.moments.length;
const state = { position: 0, clock: data.clock.map(() => 0), timer: 0, tip: null };
const paper = matchMedia("print");
const pictures = [];

// ---------------------------------------------------------------- showing

function place(position) {
  if (position === 0) return "start";
  const forward = position <= data.forward;
  const [k, n] = forward
    ? [position, data.forward]
    : [position - data.forward, last - data.forward];
  return `${forward ? "forward" : "backward"} ${k} of ${n}`;
}

function sentence(position) {
  if (position) return data.moments[position - 1].say.replaceAll("; ", "\n");
  const back = last - data.forward;
  return `${data.forward} moments forward, ${back} back. Press → to step, space to play.`;
}

function show() {
  const { position, clock } = state;
  document.documentElement.classList.toggle("back", position > data.forward);
  for (const picture of pictures) {
    picture.draw(position, clock);
    picture.light(position && !paper.matches ? picture.parts.moments[position - 1] : null);
  }
  byId("place").textContent = place(position);
  byId("sentence").textContent = sentence(position);
  byId("scrub").value = position;
  byId("scrub").setAttribute("aria-valuetext", place(position));
  for (const id of ["first", "back"]) byId(id).disabled = position === 0;
  for (const id of ["next", "last"]) byId(id).disabled = position === last;
  for (const [i, slider] of [...byId("clock").querySelectorAll("input")].entries()) {
    slider.value = clock[i];
    slider.nextElementSibling.textContent = stepName(i);
  }
  if (state.tip) showTip(...state.tip);
  byId("folded").querySelector("figcaption").textContent = clock.map((_, i) => stepName(i)).join(", ");
}

function stepName(i) {
  return `${"tsruvw"[i % 6]} = ${state.clock[i]}`;
}

function go(position) {
  state.position = Math.max(0, Math.min(last, position));
  const at = state.position ? data.moments[state.position - 1].at : [];
  at.forEach((t, i) => { state.clock[i] = t; });
  show();
}

function turn(i, t) {
  if (i >= data.clock.length) return;
  state.clock[i] = Math.max(0, Math.min(data.clock[i] - 1, t));
  show();
}

// ---------------------------------------------------------------- playing

function play(on) {
  clearInterval(state.timer);
  state.timer = 0;
  if (on) {
    if (state.position === last) go(0);
    state.timer = setInterval(advance, 1800 / Number(byId("speed").value));
  }
  icon(byId("play"), on ? "pause" : "play");
  byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
}

function advance() {
  go(state.position + 1);
  if (state.position === last) play(false);
}

function step(by) {
  play(false);
  go(state.position + by);
}

// ---------------------------------------------------------------- controls

const SHAPES = {
  first: "M4 4h3v16H4z M20 4v16L8 12z",
  back: "M18 4v16L6 12z",
  play: "M7 4v16l13-8z",
  pause: "M6 4h4v16H6z M14 4h4v16h-4z",
  next: "M6 4v16l12-8z",
  last: "M17 4h3v16h-3z M4 4v16l12-8z",
};

function icon(button, shape) {
  const { namespaceURI } = document.querySelector("svg");
  const svg = document.createElementNS(namespaceURI, "svg");
  const path = document.createElementNS(namespaceURI, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SHAPES[shape]);
  svg.append(path);
  button.replaceChildren(svg);
}

const ACTIONS = {
  first: () => step(-last),
  back: () => step(-1),
  play: () => play(!state.timer),
  next: () => step(1),
  last: () => step(last),
  theme: () => dark(!document.documentElement.classList.contains("dark")),
  keys: () => byId("help").showModal(),
};

const KEYS = {
  ArrowLeft: ACTIONS.back,
  ArrowRight: ACTIONS.next,
  " ": ACTIONS.play,
  Home: ACTIONS.first,
  End: ACTIONS.last,
  "[": () => turn(0, state.clock[0] - 1),
  "]": () => turn(0, state.clock[0] + 1),
  "+": () => views((view) => view.zoom(1.3)),
  "=": () => views((view) => view.zoom(1.3)),
  "-": () => views((view) => view.zoom(1 / 1.3)),
  0: () => views((view) => view.fit()),
  d: ACTIONS.theme,
  "?": ACTIONS.keys,
};

function views(act) {
  for (const picture of pictures) act(picture.view);
}

// Keys that the focused control has a use for itself are its own.
function taken(event) {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return true;
  if (at.matches("select")) return true;
  if (at.matches("input")) return /^(Arrow|Home|End)/.test(event.key);
  return event.key === " " && at.matches("button, summary, [role=button]");
}

function onKey(event) {
  if (event.key === "Escape") hideTip();
  if (!KEYS[event.key] || taken(event)) return;
  event.preventDefault();
  KEYS[event.key]();
}

function setUpControls() {
  for (const id of ["first", "back", "play", "next", "last"]) icon(byId(id), id);
  for (const [id, act] of Object.entries(ACTIONS)) byId(id).addEventListener("click", act);
  document.addEventListener("keydown", onKey);
  byId("speed").addEventListener("change", () => state.timer && play(true));
  byId("scrub").max = last;
  byId("scrub").addEventListener("input", (event) => step(Number(event.target.value) - state.position));
  const passes = document.querySelectorAll(".passes span");
  passes[0].style.setProperty("--share", data.forward);
  passes[1].style.setProperty("--share", last - data.forward);
}

function setUpClock() {
  byId("clock").hidden = !data.clock.length;
  data.clock.forEach((length, i) => {
    const label = element("label", "", "step");
    const slider = Object.assign(element("input"), { type: "range", min: 0, max: length - 1 });
    slider.addEventListener("input", () => turn(i, Number(slider.value)));
    label.append(slider, element("b"));
    byId("clock").append(label);
  });
}

// Room for the longest sentence, so that nothing jumps: the highest of those that look long.
function fitWords() {
  const words = document.querySelector(".words");
  const size = (position) => sentence(position).length + 40 * sentence(position).split("\n").length;
  const positions = [...data.moments.keys(), last].sort((a, b) => size(b) - size(a)).slice(0, 12);
  words.style.height = "auto";
  byId("place").textContent = place(state.position);
  const heights = positions.map((position) => {
    byId("sentence").textContent = sentence(position);
    return words.getBoundingClientRect().height;
  });
  words.style.height = `${Math.max(...heights)}px`;
}

function setUpViews() {
  const both = pictures.length > 1;
  const buttons = [...document.querySelectorAll("[data-view]")];
  const choose = (chosen) => {
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.view === chosen));
    }
    for (const { kind } of pictures) byId(kind).hidden = ![kind, "both"].includes(chosen);
    for (const picture of pictures) picture.view.start();
    show();
  };
  document.querySelector(".views").hidden = !both;
  for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.view));
  choose(both && innerWidth > 640 ? "both" : "folded");
  window.addEventListener("resize", () => {
    if (paper.matches) return;
    fitWords();
    views((view) => view.start());
    show();
  });
}

// ---------------------------------------------------------------- parts of pictures

function momentsOf(picture, name) {
  const found = data.moments.flatMap((_, i) => (picture.parts.moments[i] === name ? [i + 1] : []));
  const now = found.filter((p) => data.moments[p - 1].at.every((t, i) => t === state.clock[i]));
  return now.length ? now : found;
}

// To the next moment of a gate at the step on the clock: from forward to back, and round again.
function visit(picture, name) {
  const found = momentsOf(picture, name);
  if (!found.length) return;
  step((found.find((p) => p > state.position) ?? found[0]) - state.position);
}

function showTip(picture, name, part) {
  hideTip();
  state.tip = [picture, name, part];
  const { position, clock } = state;
  const node = picture.parts.nodes[name];
  const tip = byId("tip");
  tip.replaceChildren();
  if (node?.kind === "group") tip.append(element("p", "name", node.label));
  for (const wire of picture.wiresOf(name).slice(0, 3)) {
    const index = picture.index(wire, clock);
    tip.append(described(picture.variables[wire.number], index, position));
  }
  if (!tip.childElementCount) return;
  part.setAttribute("aria-describedby", "tip");
  placeTip(tip, part);
}

function hideTip() {
  state.tip?.[2].removeAttribute("aria-describedby");
  state.tip = null;
  byId("tip").hidden = true;
}

function setUpPart(picture, name, label) {
  const part = picture.part(name);
  if (!part) return;
  const node = picture.parts.nodes[name];
  const works = Boolean(node?.lines);
  part.setAttribute("tabindex", "0");
  part.setAttribute("role", works ? "button" : "img");
  part.setAttribute("aria-label", label);
  part.addEventListener("pointerenter", () => showTip(picture, name, part));
  part.addEventListener("focus", () => {
    picture.view.follow(part);
    showTip(picture, name, part);
  });
  for (const type of ["pointerleave", "blur"]) part.addEventListener(type, hideTip);
  if (!works) return;
  part.addEventListener("click", () => picture.view.dragged || visit(picture, name));
  part.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    visit(picture, name);
  });
}

function setUpPicture(figure) {
  const picture = new Picture(figure, data.pictures[figure.id], data.variables);
  const called = ({ number }) => data.variables[number].name || data.variables[number].made;
  for (const [name, node] of Object.entries(picture.parts.nodes)) {
    const makes = picture.wiresOf(name).map(called).join(", ");
    setUpPart(picture, name, node.lines ? `${node.kind} ${node.label}, makes ${makes}` : makes);
  }
  for (const wire of picture.wires) setUpPart(picture, wire.key, `wire ${called(wire)}`);
  pictures.push(picture);
}

// ---------------------------------------------------------------- colours, print, start

function dark(on) {
  document.documentElement.classList.toggle("dark", on);
  byId("theme").textContent = on ? "light" : "dark";
}

function setUpPrint() {
  let before = null;
  const folds = [...document.querySelectorAll("details")];
  paper.addEventListener("change", ({ matches }) => {
    if (matches) {
      before = { ...state, clock: [...state.clock], open: folds.map((fold) => fold.open) };
      play(false);
    }
    folds.forEach((fold, i) => { fold.open = matches || before.open[i]; });
    state.clock = before.clock;
    state.position = matches ? last : before.position;
    views((view) => (matches ? view.fit() : view.start()));
    show();
  });
}

function setUp() {
  for (const figure of document.querySelectorAll("figure")) {
    figure.hidden = !data.pictures[figure.id];
    if (!figure.hidden) setUpPicture(figure);
  }
  setUpControls();
  setUpClock();
  const wish = matchMedia("(prefers-color-scheme: dark)");
  dark(wish.matches);
  wish.addEventListener("change", () => dark(wish.matches));
  setUpPrint();
  for (const { say } of data.moments) byId("story").querySelector("ol").append(element("li", "", say));
  fillTable(byId("numbers").querySelector("tbody"), data.variables);
  fitWords();
  setUpViews();
}

setUp();
