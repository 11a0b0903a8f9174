// One weight of attention, computed in the page from queries, keys and values: score, scale, mask, softmax, sum.
// Who asks and who is asked are picked by pointer, by touch, and by the arrow keys; all that follows is computed anew.

import { compute, largest, terms } from "./attention_arithmetic.js";
import { drawSteps, writePart, writeTerm } from "./attention_steps.js";
import { drawTables } from "./attention_tables.js";
import { format, make, named, share } from "./strips.js";

const ROLES = { rows: "Who asks", columns: "Who is asked" };
const WHENCE = {
  "additive": "The query is W s + b of the decoder's last state s; each key is U h of a state h of the encoder, which is the value too.",
  "dot": "The query is the decoder's state s; each key is a state h of the encoder, which is the value too.",
  "general": "The query is the decoder's state s; each key is W h of a state h of the encoder, which is the value too.",
  "scaled dot": "Query, keys and values are this head's own projections of the vectors below the layer: each is multiplied by a matrix of its own.",
};

/** Brings one `.computation` element to life: its JSON holds units, layers and their packed numbers. */
export async function mountComputation(root) {
  const packed = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const data = unfold(packed.content, await unpack(packed.numbers));
  const find = (name) => root.querySelector(name);
  const state = { ...data.start, column: 0, number: 0, part: 0 };
  let layer, head, found;

  data.computations.forEach((each, number) => find("select").append(new Option(each.label, number)));
  find("select").addEventListener("change", (event) => showLayer(Number(event.target.value)));
  for (const kind of ["click", "focusin", "keydown"]) root.addEventListener(kind, pick);
  for (const kind of ["pointermove", "click"]) root.addEventListener(kind, pointAtNumber);
  root.addEventListener("input", slide);
  showLayer(state.computation);
  root.classList.add("alive");

  function showLayer(number) {
    layer = data.computations[number];
    find("select").value = number;
    state.head = Math.min(state.head, layer.heads.length - 1);
    const heads = layer.heads.map((_, at) => make("button", { type: "button", textContent: at, ariaLabel: `head ${at}` }));
    heads.forEach((button, at) => button.addEventListener("click", () => showHead(at)));
    find(".head-choice").replaceChildren(...(heads.length > 1 ? ["head ", ...heads] : []));
    for (const side of ["rows", "columns"]) {
      find(`[data-side=${side}] .muted`).textContent = `${ROLES[side]}: ${data.names[layer[side]]}`;
      find(`[data-side=${side}] .words`).replaceChildren(...units(side).map((name, at) => token(name, at)));
    }
    state.row = Math.min(state.row, units("rows").length - 1);
    find(".whence").textContent = WHENCE[layer.score];
    showHead(state.head);
  }

  function showHead(number) {
    state.head = number;
    root.querySelectorAll(".head-choice button").forEach((button, at) => (button.ariaPressed = at === number));
    head = layer.heads[number];
    showQuery(state.row);
  }

  function showQuery(row) {
    state.row = row;
    found = compute(layer, head, row);
    state.column = found.weights.indexOf(Math.max(...found.weights));
    mark("rows", row);
    root.querySelectorAll("[data-side=columns] .token").forEach((each, column) => {
      each.style.setProperty("--weight", Math.sqrt(found.weights[column]).toFixed(3));
      each.classList.toggle("masked", Boolean(found.masked[column]));
    });
    drawBench();
    find(".checked").textContent = checked(head, found);
    showKey(state.column);
  }

  function showKey(column) {
    state.column = column;
    mark("columns", column);
    if (!find(`.bench [data-key="${column}"]`)) drawBench();
    root.querySelectorAll(".bench [data-key]").forEach((row) => row.classList.toggle("on", Number(row.dataset.key) === column));
    find(".finding").replaceChildren(...finding());
    find(".worked").replaceChildren(...drawSteps(told()));
    state.number = largest(terms(layer, found.query, found.keys[column]))[0];
    state.part = largest(found.sums)[0];
    showNumber();
  }

  function drawBench() {
    const boxes = root.querySelectorAll(".bench > .scroll");
    drawTables(told()).forEach((table, number) => boxes[number].replaceChildren(table));
  }

  function finding() {
    const { asks, asked, column } = told();
    const weight = found.weights[column], ahead = found.weights.filter((other) => other > weight).length;
    const standing = `${ahead ? `number ${ahead + 1}` : "the largest"} of ${found.masked.filter((why) => !why).length}`;
    const end = found.masked[column] ? `: it is masked (${found.masked[column]}).` : `, ${standing}.`;
    return [named(asks), " gives ", named(asked), " a weight of ", make("b", { textContent: share(weight) }), end];
  }

  /** All that is told of the query and the key that are chosen. */
  function told() {
    const [names, asks] = [units("columns"), units("rows")[state.row]];
    return { data, layer, head, found, names, asks, column: state.column, asked: names[state.column] };
  }

  // one number of query and key, and one of the values: a line through all strips, and what it adds in words
  function showNumber() {
    for (const group of ["number", "part"]) {
      root.querySelectorAll(`[data-group=${group}] .cursor`).forEach((line) => line.setAttribute("x", state[group]));
      root.querySelectorAll(`input[name=${group}]`).forEach((slider) => (slider.value = state[group]));
    }
    const { number, part, column } = state;
    const term = termOf(number, column);
    find(".number-said").textContent = `Number ${number}: ${writeTerm(told(), number)} = ${format(term)}`;
    find(".part-said").textContent = `Number ${part}: ${writePart(told(), part)} = ${format(found.sums[part])}`;
  }

  function termOf(at, key) {
    return terms(layer, [found.query[at]], [found.keys[key][at]], at)[0];
  }

  function mark(side, chosen) {
    root.querySelectorAll(`[data-side=${side}] .token`).forEach((each, at) => {
      each.classList.toggle("on", at === chosen);
      each.tabIndex = at === chosen ? 0 : -1;
      each.ariaPressed = at === chosen;
    });
  }

  function units(side) {
    return data.units[layer[side]].names;
  }

  // a token or a row of the tables is taken by a click or when it gets the focus; arrows go on from there
  function pick(event) {
    const key = event.target.closest("[data-key]"), unit = event.target.closest("[data-unit]");
    if (event.type === "keydown") return walk(event, unit);
    if (unit) {
      const [side, at] = [unit.closest("[data-side]").dataset.side, Number(unit.dataset.unit)];
      if (at !== (side === "rows" ? state.row : state.column)) (side === "rows" ? showQuery : showKey)(at);
    } else if (key && Number(key.dataset.key) !== state.column) showKey(Number(key.dataset.key));
  }

  function walk(event, unit) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    const next = unit && step && unit.parentElement.children[Number(unit.dataset.unit) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  function pointAtNumber(event) {
    const drawn = event.target.closest(".strip[data-group]");
    if (!drawn) return;
    const { group, count } = drawn.dataset, box = drawn.getBoundingClientRect();
    const at = Math.max(0, Math.min(count - 1, Math.floor((count * (event.clientX - box.left)) / box.width)));
    showNumber((state[group] = at));
    const row = drawn.closest("tr[data-key]");
    if (drawn.closest(".bench")) find(".pointed").textContent = pointed(group, at, row && Number(row.dataset.key));
  }

  function pointed(group, at, key) {
    const number = `Number ${at} of the`;
    if (key === null) return group === "number" ? `${number} query: ${format(found.query[at])}` : `${number} sum: ${format(found.sums[at])}`;
    const whose = units("columns")[key], value = head.values[key][at], weight = found.weights[key];
    return group === "number"
      ? `${number} key of ${whose}: ${format(found.keys[key][at])}; it adds ${format(termOf(at, key))} to the score`
      : `${number} value of ${whose}: ${format(value)}; times ${share(weight)} it adds ${format(weight * value)} to the sum`;
  }

  function slide(event) {
    if (event.target.name in state) showNumber((state[event.target.name] = Number(event.target.value)));
  }
}

function token(name, at) {
  const made = make("bdi", { className: "token", textContent: name, role: "button" });
  made.dataset.unit = at;
  return made;
}

/** How far what was computed here is from what the network had. */
function checked(head, found) {
  const gap = (ours, theirs) => {
    const most = Math.max(...ours.map((value, at) => Math.abs(value - theirs[at])));
    return most < 0.0001 ? "less than 0.0001" : `at most ${most.toFixed(4)}`;
  };
  const { weights, sums, row } = found;
  return `Checked: this query's ${weights.length} weights differ by ${gap(weights, head.weights[row])} from those that the network ` +
    `computed, the sum's ${sums.length} numbers by ${gap(sums, head.sums[row])} from what its fast kernel gave.`;
}

/** Numbers of two bytes, each its matrix's largest times 32,767, deflated. */
async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Int16Array(await new Response(stream).arrayBuffer());
}

/** What was packed, with its matrices as arrays of rows. */
function unfold(value, numbers) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((each) => unfold(each, numbers));
  if (!("largest" in value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unfold(each, numbers)]));
  const { at, rows, width, largest } = value;
  const row = (number) => numbers.subarray(at + number * width, at + (number + 1) * width);
  return Array.from({ length: rows }, (_, number) => Array.from(row(number), (each) => (each / 32767) * largest));
}
