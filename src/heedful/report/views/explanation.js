// An explanation to point at: what was read and what was answered, laid over what each is, joined by the map that is chosen.
// Words are text, patches lie over their picture, steps stand on a time bar. Works by pointer, by touch and by keyboard.

/** Brings one `.explanation` element to life: its JSON holds units, maps and their packed weights. */
export async function mountExplanation(root) {
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const weights = await unpack(data);
  const stage = root.querySelector(".stage");
  const chooser = root.querySelector("select");
  const note = root.querySelector(".pointed");
  let shown = null;

  data.maps.forEach((map, number) => chooser.append(new Option(map.label, number)));
  chooser.addEventListener("change", () => show(Number(chooser.value)));
  const thumbnails = data.maps.length > 1 ? drawThumbnails(root.querySelector(".thumbnails"), data, weights, choose) : [];
  show(0);
  root.classList.add("alive");

  function choose(number) {
    chooser.value = number;
    show(number);
  }

  function show(number) {
    const map = data.maps[number];
    shown = { map, weights: weights[number], scale: map.scale === "openings" ? 1 : Math.max(...map.largest, 1e-30) };
    const sides = [["columns", map.columns], ["rows", map.rows]];
    stage.replaceChildren(...sides.map(([side, key]) => drawUnits(data.units[key], side, data.names[key])));
    stage.append(drawMatrix(shown, data));
    thumbnails.forEach((button, at) => button.setAttribute("aria-pressed", at === number));
    light("rows", 0);
  }

  // a row lights what it has in each column; a column lights the rows that have something in it
  function light(side, at) {
    const { weights, scale, map } = shown;
    for (const each of ["rows", "columns"]) {
      units(each).forEach((unit, number) => {
        const value = at === null || each === side ? 0 : side === "rows" ? weights[at][number] : weights[number][at];
        // a picture is veiled where little is, and not at all on the side that is pointed at; gates have a scale of
        // their own; of all else the eye takes the square root for even
        const share = Math.abs(value) / scale;
        const linear = unit.closest(".over") || map.scale === "openings";
        const weight = unit.closest(".over") && each === side ? 1 : linear ? share : Math.sqrt(share);
        unit.style.setProperty("--weight", weight.toFixed(3));
        unit.classList.toggle("less", value < 0);
        unit.classList.toggle("on", each === side && number === at);
      });
    }
    note.textContent = at === null ? "" : told(side, at, map);
  }

  function told(side, at, map) {
    const row = side === "rows" ? shown.weights[at] : shown.weights.map((weights) => weights[at]);
    const names = data.units[side === "rows" ? map.columns : map.rows].names;
    const order = [...row.keys()].sort((a, b) => Math.abs(row[b]) - Math.abs(row[a])).slice(0, 4);
    const { names: all, places } = data.units[map[side]];
    return `${all[at]}${places ? ` at ${places[at] + 1}` : ""}: ${order.map((number) => `${names[number]} ${format(row[number], map)}`).join(", ")}`;
  }

  function units(side) {
    return [...stage.querySelectorAll(`[data-side="${side}"] [data-unit]`)];
  }

  function point(event) {
    const unit = event.target.closest?.("[data-unit]");
    if (unit) light(unit.closest("[data-side]").dataset.side, Number(unit.dataset.unit));
  }

  // arrows walk along a side, so that one stop of the tab key is enough for each
  function walk(event) {
    const unit = event.target.closest?.("[data-unit]");
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!unit || !step) return;
    const all = units(unit.closest("[data-side]").dataset.side);
    const width = unit.closest(".over") && event.key.match(/Up|Down/) ? Number(unit.closest(".over").dataset.columns) : 1;
    const next = all[Number(unit.dataset.unit) + step * width];
    if (!next) return;
    event.preventDefault();
    unit.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  stage.addEventListener("pointerover", point);
  stage.addEventListener("focusin", point);
  stage.addEventListener("click", point);
  stage.addEventListener("keydown", walk);
}

/** The weights of all maps, [map][row][column]: a byte each, its row's largest times the levels of its map, deflated. */
async function unpack(data) {
  const bytes = Uint8Array.from(atob(data.packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const values = new Int8Array(await new Response(stream).arrayBuffer());
  let at = 0;
  return data.maps.map((map) => {
    const width = data.units[map.columns].names.length;
    return map.largest.map((largest) => Array.from(values.subarray(at, (at += width)), (byte) => (byte / map.levels) * largest));
  });
}

function drawUnits(units, side, title) {
  const box = element("div", { className: "side-of", role: "group" });
  box.dataset.side = side;
  box.setAttribute("aria-label", title);
  const make = { patches: overPicture, codes: overPicture, frames: timeBar, series: timeBar }[units.kind] ?? text;
  box.append(element("p", { className: "muted", textContent: title }), make(units));
  box.querySelectorAll("[data-unit]").forEach((unit, number) => (unit.tabIndex = number ? -1 : 0));
  return box;
}

function unit(name, number, more = {}) {
  const made = element("bdi", { className: "token", title: name, ...more });
  made.dataset.unit = number;
  if (more.textContent === undefined) Object.assign(made, { role: "img", ariaLabel: name });
  return made;
}

function text(units) {
  const line = element("p", { className: "words" });
  line.append(...units.names.map((name, number) => unit(name, number, { textContent: name })));
  return line;
}

function overPicture(units) {
  if (!units.grid || !units.picture) return text(units);
  const box = element("div", { className: "laid" });
  const over = element("div", { className: "over" });
  over.dataset.columns = units.grid[1];
  over.style.setProperty("--columns", units.grid[1]);
  over.style.setProperty("--rows", units.grid[0]);
  over.append(element("img", { src: units.picture, alt: "" }));
  units.names.forEach((name, number) => {
    if (number < units.lead) box.append(unit(name, number, { textContent: name }));
    else over.append(unit(name, number));
  });
  box.append(over);
  return box;
}

function timeBar(units) {
  const box = element("div", { className: "time" });
  if (units.values?.length) box.append(drawSeries(units.values));
  const bar = element("div", { className: "bar" });
  const at = (number) => (units.seconds?.length ? `${units.seconds[number].toFixed(2)} s: ` : "");
  const written = units.names.length <= 24 ? (name) => ({ textContent: name }) : () => ({});
  bar.append(...units.names.map((name, number) => unit(`${at(number)}${name}`, number, written(name))));
  box.append(bar);
  const runs = runsOf(units.names);
  if (units.names.length > 24 && runs.length <= 24) box.append(namesOfRuns(runs));
  return box;
}

/** Names that stand one after another, each with how often: [name, count]. */
function runsOf(names) {
  const runs = [];
  for (const name of names) runs.at(-1)?.[0] === name ? runs.at(-1)[1]++ : runs.push([name, 1]);
  return runs;
}

function namesOfRuns(runs) {
  const line = element("div", { className: "runs" });
  line.setAttribute("aria-hidden", "true"); // each unit of the bar has its name
  for (const [name, count] of runs) {
    const run = element("bdi", { textContent: name, title: name });
    run.style.flexGrow = count;
    line.append(run);
  }
  return line;
}

function drawSeries(values) {
  const lines = values[0].map((_, channel) => {
    const numbers = values.map((row) => row[channel]);
    const low = Math.min(...numbers), high = Math.max(...numbers);
    const y = (value) => (high > low ? 38 - (36 * (value - low)) / (high - low) : 20);
    const points = numbers.map((value, at) => `${at + 0.5},${y(value).toFixed(2)}`).join(" ");
    return `<polyline class="channel${channel % 3}" points="${points}"/>`;
  });
  const box = element("div", {});
  box.innerHTML = `<svg viewBox="0 0 ${values.length} 40" preserveAspectRatio="none" aria-hidden="true">${lines.join("")}</svg>`;
  return box;
}

function drawMatrix({ map, weights, scale }, data) {
  const figure = element("figure", { className: "matrix-of" });
  const caption = `${map.label}: ${data.names[map.rows]} (downwards, ${weights.length}) by ${data.names[map.columns]} (${weights[0].length}). ` +
    (map.largest.some(Boolean) ? `${MEANING[map.scale]} Strongest: ${format(scale, map)}${map.scale === "amounts" ? "; hatched: less" : ""}.` : "Nothing passed.");
  const cell = Math.max(4, Math.min(22, Math.round(480 / Math.max(weights.length, weights[0].length))));
  const canvas = drawCanvas(map, weights, scale, cell);
  const sides = [["columns", data.units[map.columns].names], ["rows", data.units[map.rows].names]];
  figure.append(sides.every(([, names]) => names.length <= NAMED) ? named(canvas, sides, cell, map.label) : canvas);
  figure.append(element("figcaption", { textContent: caption }));
  return figure;
}

const NAMED = 32; // units a side, at most, whose names have room beside the cells

/** A matrix between its names. They stand in the units above as well, where they are read out. */
function named(canvas, sides, cell, label) {
  const box = element("div", { className: "named-cells", role: "group", tabIndex: 0, ariaLabel: label });
  box.style.setProperty("--cell", `${cell}px`);
  for (const [side, names] of sides) {
    const line = element("div", { className: side });
    line.setAttribute("aria-hidden", "true");
    line.append(...names.map((name) => element("bdi", { textContent: name })));
    box.append(line);
  }
  box.append(canvas);
  return box;
}

const MEANING = {
  shares: "Each row sums to 1.",
  amounts: "What a unit adds to the answer's logit.",
  lengths: "Lengths of vectors.",
  openings: "0 is shut, 1 is open.",
};

function drawCanvas(map, weights, scale, cell) {
  const canvas = element("canvas", { width: weights[0].length * cell, height: weights.length * cell });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", map.label);
  const context = canvas.getContext("2d");
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim() || "#000";
  context.fillStyle = context.strokeStyle = ink;
  weights.forEach((row, y) => row.forEach((value, x) => {
    const share = Math.abs(value) / scale;
    context.globalAlpha = map.scale === "openings" ? share : Math.sqrt(share);
    if (value >= 0 || cell < 4) return context.fillRect(x * cell, y * cell, cell, cell);
    for (let line = 0; line < cell; line += 4) context.fillRect(x * cell, y * cell + line, cell, 1);
  }));
  return canvas;
}

function drawThumbnails(box, data, weights, choose) {
  return data.maps.map((map, number) => {
    const button = element("button", { type: "button", title: map.label });
    const small = shrink(weights[number], 48);
    const cell = Math.max(1, Math.floor(48 / Math.max(small.length, small[0].length)));
    button.append(drawCanvas(map, small, Math.max(...small.flat().map(Math.abs), 1e-30), cell));
    button.append(element("span", { textContent: map.label }));
    button.addEventListener("click", () => choose(number));
    box.append(button);
    return button;
  });
}

/** At most `most` rows and columns, each the largest of those that it stands for. */
function shrink(weights, most) {
  const step = (count) => Math.ceil(count / most);
  const [down, across] = [step(weights.length), step(weights[0].length)];
  if (down === 1 && across === 1) return weights;
  const small = [];
  weights.forEach((row, y) => {
    const target = (small[Math.floor(y / down)] ??= new Array(Math.ceil(row.length / across)).fill(0));
    row.forEach((value, x) => {
      const place = Math.floor(x / across);
      if (Math.abs(value) > Math.abs(target[place])) target[place] = value;
    });
  });
  return small;
}

function format(value, map) {
  const digits = Math.abs(value) < 0.1 ? 3 : 2;
  return (map.scale === "amounts" && value > 0 ? "+" : "") + value.toFixed(digits).replace("-", "−");
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
