// What was recorded of a network while it answered, as tables: where each token looked, and how far its gates stood open.

import { visible } from "./elements.js";
import { heatmap } from "./heatmap.js";

const NEWEST = 32; // tokens that a table has room for
const GATES = { keep: "keeps", reset: "looks back", input: "lets in", forget: "keeps", output: "shows" };

/** What each token that was written looked at in the source: the mean of all layers and heads; null: nothing. */
export function sourceMap(sourceTokens, tokens, notes) {
  const isMap = (name) => /\.memory\.weights$|attention\.weights$/.test(name) && !name.includes("self_attention");
  const rows = notes.map((step) => meanOf([...step].filter(([name]) => isMap(name)).flatMap(([, [maps]]) => maps)));
  if (!rows.length || !rows[0]) return null;
  return heatmap({
    title: "Where it looked",
    rows: tokens.slice(-NEWEST).map(visible),
    columns: sourceTokens.slice(0, rows[0].length).map(visible),
    values: rows.slice(-NEWEST),
    caption: "A row for each token that was written: the deeper a cell, the more of the source's token was looked at. "
      + "Of several layers and heads it is the mean.",
  });
}

/** What each token looked at in the text so far. `prompt` are the tokens that were read. */
export function selfMap(prompt, tokens, notes) {
  const read = [...prompt, ...tokens], first = Math.max(0, read.length - NEWEST);
  const rows = notes.map((step) => meanOf([...step].filter(([name]) => name.includes("self_attention")).flatMap(([, [maps]]) => maps)));
  if (!rows.length || !rows[0]) return null;
  const newest = Math.max(0, rows.length - NEWEST / 2);
  // a row is shorter than the text where an answer outgrew the network: it ends at the token before the one it wrote
  const values = rows.slice(newest).map((row, t) => {
    const end = prompt.length + newest + t;
    return read.slice(first).map((_, column) => row[first + column - (end - row.length)]);
  });
  return heatmap({
    title: "Where it looked",
    rows: tokens.slice(newest).map(visible),
    columns: read.slice(first).map(visible),
    values,
    caption: "A row for each of the newest tokens: the deeper a cell, the more of an earlier token was looked at. Of several layers and heads it is the mean.",
  });
}

/** How far gates stood open while the source was read and while the answer was written; an empty list: it has none. */
export function gateMaps(sourceTokens, sourceNotes, tokens, notes, reversed) {
  const reading = gateMap("Its gates as it read", sourceTokens, ordered(sourceNotes, reversed));
  const names = notes.length ? [...notes[0].keys()] : [];
  const written = new Map(names.map((name) => [name, notes.map((step) => step.get(name)[0])]));
  return [reading, gateMap("Its gates as it wrote", tokens, written)].filter(Boolean);
}

/** Notes of a source in the order of its tokens: what was read from behind is turned round. */
function ordered(notes, reversed) {
  const turned = (name) => name.includes(".back.") !== reversed;
  return new Map([...notes].map(([name, vectors]) => [name, turned(name) ? [...vectors].reverse() : vectors]));
}

function gateMap(title, tokens, notes) {
  const gates = [...notes].filter(([name]) => name.split(".").at(-1) in GATES);
  if (!gates.length || !tokens.length) return null;
  return heatmap({
    title,
    rows: gates.map(([name]) => name).map(labelOf),
    columns: tokens.slice(-NEWEST).map(visible),
    values: gates.map(([, vectors]) => vectors.slice(-NEWEST).map(meanOfUnits)),
    caption: "How far each gate stood open, as the mean of its units: white is shut, deep is open.",
  });
}

/** "decoder.layers.layers.1.back.forget" -> "layer 2, from behind: keeps". */
function labelOf(name, _, all) {
  const layerOf = (one) => Number(/layers\.(\d+)/.exec(one)[1]), gate = GATES[name.split(".").at(-1)];
  const places = [new Set(all.map(layerOf)).size > 1 && `layer ${layerOf(name) + 1}`, name.includes(".back.") && "from behind"];
  return [places.filter(Boolean).join(", "), gate].filter(Boolean).join(": ");
}

const meanOfUnits = (vector) => vector.reduce((sum, value) => sum + value, 0) / vector.length;

function meanOf(maps) {
  return maps.length ? Array.from(maps[0], (_, s) => maps.reduce((sum, map) => sum + map[s], 0) / maps.length) : null;
}
