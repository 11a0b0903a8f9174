// The arithmetic of one query and one key, a step a line: positions, norm, rotation, score, scale, mask, softmax, sum.

import { largest, normalise, terms, total } from "./attention_arithmetic.js";
import { dials, factor, format, height, lines, make, named, share, strip } from "./strips.js";

const TERMS = 3; // of a sum that are written out
const POSITIONS = 24; // that are drawn, of those that are more

const SCORES = {
  "additive": "v · tanh(W s + b + U h) (Bahdanau et al. 2015, appendix A.1.2)",
  "dot": "s · h (Luong et al. 2015, equation 8, dot)",
  "general": "s · W h (Luong et al. 2015, equation 8, general; the key is W h)",
  "scaled dot": "q · k (Vaswani et al. 2017, equation 1)",
};

/** The steps that this attention has, as items of a list. */
export function drawSteps(told) {
  return [positions, order, norm, rotation, score, scale, mask, softmax, sum].map((step) => step(told)).filter(Boolean);
}

/** One term of a score in words. */
export function writeTerm({ layer, found, column }, at) {
  const [q, k] = [found.query[at], found.keys[column][at]];
  return layer.score === "additive"
    ? `${factor(layer.vector[at])} × tanh(${format(q)} + ${factor(k)})`
    : `${factor(q)} × ${factor(k)}`;
}

/** How one number of the sum comes about. */
export function writePart({ head, found }, at) {
  const keys = [...found.weights.keys()].filter((key) => !found.masked[key]);
  const parts = keys.map((key) => found.weights[key] * head.values[key][at]);
  return writeSum(parts, (place) => `${share(found.weights[keys[place]])} × ${factor(head.values[keys[place]][at])}`);
}

function positions({ data, layer, found, column, asks, asked }) {
  const sides = [[layer.asked, found.row, asks], [layer.columns, column, asked]].filter(([key]) => data.positions[key]);
  if (!sides.length) return null;
  const figures = sides.map(([key, at, name]) => addedFigure(data.positions[key], data.units[key].names[at], at));
  const made = layer.asked === layer.rows ? "" : ` The query of ${asks} is made where ${data.units[layer.asked].names[found.row]} was read.`;
  const why = `Attention sees no order: what is nearer or later has to be told. Each vector has that of its position added.${made}`;
  const kind = `${data.positions[sides[0][0]].kind}, added below the first layer`;
  return item("Positions", kind, text(why), make("div", { className: "two" }, ...figures));
}

function order({ layer }) {
  if (layer.score === "scaled dot") return null;
  const why = "Vectors are states of recurrent layers, which read one after another: they know their order.";
  return item("Positions", "none are added", text(why));
}

function norm({ layer, head, found, column }) {
  if (!layer.query_norm) return null;
  const drawn = [["query", head.queries[found.row], layer.query_norm], ["key", head.keys[column], layer.key_norm]];
  const pair = ([name, vector, by]) => [[`${name}, projected`, vector], [`${name}, normed`, normalise(vector, by)]];
  const rows = drawn.flatMap(pair);
  const why = "Queries and keys are brought to one length, so that no score grows without bound.";
  return item("Norm", "x / √(mean of x² + ε) ∘ g (Henry et al. 2020)", text(why), lines(rows));
}

function rotation({ layer, head, found, column, asks, asked }) {
  if (!layer.angles.length) return null;
  const before = (vector, by) => (by ? normalise(vector, by) : vector);
  const why = "Each pair of numbers, drawn as a hand, is turned by its own angle times its position: dashed before, solid after. " +
    `${asks} stands at ${found.row}, ${asked} at ${column}; a product of both feels only how far they are apart.`;
  return item("Rotation", "rotary positions (Su et al. 2021, equation 34)", text(why),
    dials("query", before(head.queries[found.row], layer.query_norm), found.query, layer.angles[found.row]),
    dials("key", before(head.keys[column], layer.key_norm), found.keys[column], layer.angles[column]));
}

function score(told) {
  const { layer, found, column } = told;
  const products = terms(layer, found.query, found.keys[column]);
  const [query, key] = [found.query, found.keys[column]];
  const rows = layer.score === "additive"
    ? [["W s + b, of the query", query], ["U h, of the key", key], ["v", layer.vector], ["v × tanh(sum)", products]]
    : [["query", query], ["key", key], ["query × key", products]];
  const written = writeSum(products, (at) => writeTerm(told, at));
  const result = make("b", { textContent: format(found.scores[column]) });
  const choice = slider("number", products.length, "number of query and key");
  const sum = arithmetic(layer.score === "additive" ? "score = " : "q · k = ", written, " = ", result);
  return item("Score", SCORES[layer.score], lines(rows, "number"), choice, make("p", { className: "number-said" }), sum);
}

function scale({ layer, found, column }) {
  if (layer.scale === 1) return null;
  const [before, after] = [found.scores[column], found.scaled[column]].map(format);
  const divided = arithmetic(`${before} / √${found.query.length} = ${after}`);
  return item("Scale", "÷ √E, so that longer vectors make no larger scores", divided);
}

function mask({ layer, found, column, asks, asked }) {
  if (!layer.causal && !layer.real.length) return null;
  const why = { later: `later than ${asks}'s own position`, padding: "padding" }[found.masked[column]];
  const masked = `${asked} is masked: it is ${why}. In place of its score stands −∞, and e to that is 0.`;
  const said = why ? masked : `${asked} may be looked at.`;
  return item("Mask", layer.causal ? "no position may look at a later one" : "padding is never looked at", text(said));
}

function softmax({ found, column }) {
  const formula = "e to each score, divided by the sum of all; the largest score is taken off first, which changes no weight";
  const title = ["Softmax", formula];
  if (found.masked[column]) return item(...title, text("The weight is 0."));
  const allowed = found.powers.filter((_, key) => !found.masked[key]);
  const all = writeSum(allowed, (at) => share(allowed[at]), share);
  const power = share(found.powers[column]);
  const result = make("b", { className: "result", textContent: share(found.weights[column]) });
  return item(...title, arithmetic(`e^(${format(found.scaled[column])} − ${factor(found.most)}) = ${power}`),
    arithmetic(`${power} / (${all}) = ${power} / ${share(found.sum)} = `, result));
}

function sum({ layer, head, found, column }) {
  const weight = found.weights[column];
  const rows = [[`${share(weight)} × value`, head.values[column].map((value) => weight * value)], ["sum of all", found.sums]];
  const choice = slider("part", found.sums.length, "number of the values");
  const then = "The sums of all heads, side by side, go through one more matrix: that is what the layer adds.";
  return item("Sum", "each value times its weight, all added", lines(rows, "part", true), choice,
    make("p", { className: "arithmetic part-said" }), ...(layer.score === "scaled dot" ? [text(then)] : []));
}

/** A unit's vector, its position's, and both together; below, all positions. */
function addedFigure({ vectors, added, kind, width }, name, at) {
  const [own, position, tall] = [vectors[at], added[at], height(added)];
  const rows = [[named(name), own], [`+ position ${at}`, position], ["= is read", own.map((value, number) => value + position[number])]];
  const first = Math.max(0, Math.min(added.length - POSITIONS, at - POSITIONS / 2));
  const drawn = added.slice(first, first + POSITIONS);
  const waves = drawn.map((row, number) => make("div", { className: first + number === at ? "on" : "" }, strip(row, tall)));
  const cut = own.length < width ? `, the first ${own.length} of ${width} numbers of each` : "";
  const what = kind === "sinusoidal" ? "Sines and cosines" : "Learned vectors";
  const label = `${what} of positions ${first} to ${first + drawn.length - 1}${cut}; position ${at} is framed.`;
  const picture = make("div", { className: "waves", role: "img", ariaLabel: label }, ...waves);
  return make("figure", {}, lines(rows, "", true), picture, make("figcaption", { textContent: label }));
}

/** A sum as its largest terms and the rest of it: "2 × 3 + 4 × 1 + 0.20 (5 others)". */
function writeSum(values, write, writeRest = factor) {
  const places = largest(values), chosen = places.slice(0, places.length > TERMS + 1 ? TERMS : places.length);
  const others = places.slice(chosen.length);
  const written = chosen.map(write).join(" + ");
  return others.length ? `${written} + ${writeRest(total(others.map((at) => values[at])))} (${others.length} others)` : written;
}

function item(title, formula, ...content) {
  return make("li", {}, make("h3", {}, title, " ", make("span", { className: "muted", textContent: formula })), ...content);
}

function slider(name, count, label) {
  return make("label", { className: "slider" }, `${label} `, make("input", { type: "range", name, min: 0, max: count - 1 }));
}

function text(content) {
  return make("p", { textContent: content });
}

function arithmetic(...parts) {
  return make("p", { className: "arithmetic" }, ...parts);
}
