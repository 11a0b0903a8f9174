// Keys, weights and values side by side: a row for each key, the query above its keys, the sum below its values.

import { largest, total } from "./attention_arithmetic.js";
import { factor, format, height, make, share, strip } from "./strips.js";

const ROWS = 24; // keys that are drawn, of those that are more: the ones with most, and the one that is chosen

/** Three tables of one query; `names` are those of keys, `asks` is that of the query. */
export function drawTables({ layer, head, found, names, asks, column }) {
  const most = largest(found.weights).slice(0, ROWS);
  const shown = [...new Set([...most, column])].sort((a, b) => a - b);
  const rows = (cells, kind = "again") => shown.map((key) => keyRow(key, names[key], found.masked[key], kind, cells(key)));
  const [query, key] = layer.score === "additive" ? ["W s + b", "U h"] : ["query", "key"];
  const [tallest, widest] = [height(found.keys), height(head.values)];
  const top = make("th", { scope: "row" }, `${query} of `, make("bdi", { textContent: asks }));
  return [
    table("keys", ["", key], [
      make("tr", { className: "query" }, top, cell(strip(found.query, height([found.query]), "number"))),
      ...rows((at) => [cell(strip(found.keys[at], tallest, "number"))], ""),
    ], [names.length > shown.length ? rest(found, shown) : ""]),
    weightTable(layer, found, rows),
    table("values", ["", "value"], [
      above(2),
      ...rows((at) => [cell(strip(head.values[at], widest, "part", found.weights[at]))]),
    ], ["sum", strip(found.sums, widest, "part")]),
  ];
}

function weightTable(layer, found, rows) {
  const scaled = layer.scale !== 1;
  const power = `e^(· − ${factor(found.most)})`;
  const heads = [layer.score === "additive" ? "score" : "q · k", ...(scaled ? [`÷ ${format(layer.scale)}`] : []), power, "weight"];
  const cells = (at) => [
    number(format(found.scores[at])),
    ...(scaled ? [number(found.masked[at] || format(found.scaled[at]))] : []),
    number((!scaled && found.masked[at]) || share(found.powers[at])),
    weight(found.weights[at]),
  ];
  const foot = [...heads.slice(1).map(() => ""), `sum ${share(found.sum)}`, found.sum ? "1" : "0"];
  return table("weights", ["", ...heads], [above(heads.length + 1), ...rows(cells)], foot);
}

function rest(found, shown) {
  const left = 1 - total(shown.map((at) => found.weights[at]));
  return `and ${found.weights.length - shown.length} with less: ${share(Math.abs(left))} together`;
}

function keyRow(key, name, masked, kind, cells) {
  const head = make("th", { scope: "row", className: kind }, make("bdi", { textContent: name, title: name }));
  const row = make("tr", { className: masked ? "masked" : "" }, head, ...cells);
  row.dataset.key = key;
  return row;
}

/** What stands beside the query, which has a row of its own. */
function above(columns) {
  return make("tr", { className: "above" }, make("td", { colSpan: columns }));
}

/** A table; a foot of one cell goes along all of it. */
function table(kind, heads, rows, foot) {
  const line = (name, contents) =>
    make("tr", {}, ...contents.map((content) => make(name, { colSpan: contents.length === 1 ? heads.length : 1 }, content)));
  const parts = [make("thead", {}, line("th", heads)), make("tbody", {}, ...rows), make("tfoot", {}, line("td", foot))];
  return make("table", { className: kind }, ...parts);
}

function cell(content) {
  return make("td", {}, content);
}

function number(text) {
  return make("td", { className: "n", textContent: text });
}

function weight(value) {
  const made = make("td", { className: "n weight", textContent: share(value) });
  made.style.setProperty("--share", value.toFixed(4));
  return made;
}
