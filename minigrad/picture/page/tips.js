// What stands in a tooltip, and in the table of all numbers.

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

function arrayTable(rows, className) {
  const table = element("table", `array ${className}`);
  for (const row of rows) {
    const line = table.appendChild(element("tr"));
    for (const number of row) line.appendChild(element("td", "", number));
  }
  return table;
}

function numbersOf(entry, word, position) {
  const part = element("div");
  if (!entry) return part;
  const known = position >= entry.from;
  part.append(element("p", `${word}-of`, known ? word : `${word}: not yet known`));
  if (known) part.append(arrayTable(entry.rows, `${word}-of`));
  return part;
}

function described(variable, index, position) {
  const part = element("div");
  part.append(element("p", "name", variable.name || variable.made));
  const about = [variable.shape || "a number", variable.made].filter(Boolean).join(" · ");
  part.append(element("p", "quiet", about), element("p", "quiet", variable.where));
  part.append(numbersOf(variable.value[index], "value", position));
  part.append(numbersOf(variable.gradient?.[index], "gradient", position));
  return part;
}

// Beside an element, and inside the window.
function placeTip(tip, anchor) {
  tip.hidden = false;
  const it = anchor.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const below = it.bottom + 8;
  const top = below + height < innerHeight ? below : it.top - height - 8;
  tip.style.left = `${Math.max(6, Math.min(it.left, innerWidth - width - 6))}px`;
  tip.style.top = `${Math.max(6, Math.min(top, innerHeight - height - 6))}px`;
}

function stepsOf(variable) {
  let all = [[]];
  for (const length of variable.steps) {
    all = all.flatMap((at) => Array.from({ length }, (_, t) => [...at, t]));
  }
  return all;
}

function numberRow(variable, at, index) {
  const row = element("tr");
  const name = element("th", "", variable.name || variable.made);
  name.scope = "row";
  row.append(name, element("td", "", at.join(", ")), element("td", "", variable.shape));
  for (const word of ["value", "gradient"]) {
    const cell = row.appendChild(element("td"));
    const entry = variable[word]?.[index];
    if (entry) cell.append(arrayTable(entry.rows, `${word}-of`));
  }
  return row;
}

function fillTable(body, variables) {
  for (const variable of variables) {
    stepsOf(variable).forEach((at, index) => body.append(numberRow(variable, at, index)));
  }
}
