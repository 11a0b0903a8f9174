// Where a network looked while it wrote, as a table: in the source, or in the text so far.

import { visible } from "./elements.js";
import { heatmap } from "./heatmap.js";

const NEWEST = 32; // tokens that a table has room for
const KINDS = { source: /\.(attention|memory)\.weights$/, text: /\.self_attention\.weights$/ };
const CAPTION = "A row for each token that was written: the deeper a cell, the more it looked at what stands above it.";

/** The mean of all, as it is called where one may choose. */
export const MEAN = "the mean";

/** What may be chosen of what was recorded in a step: the mean, and each head if there are several. */
export function choices(step, kind) {
  const names = [...headsOf(step, kind).keys()];
  return names.length > 1 ? [MEAN, ...names] : names;
}

/** What each token that was written looked at in the source; null: nothing. */
export function sourceMap(source, tokens, notes, choice) {
  const rows = notes.map((step) => rowOf(step, "source", choice));
  if (!rows[0]) return null;
  const columns = source.length ? source : Array.from(rows[0], (_, place) => `${place + 1}`);
  return heatmap({
    title: "Where it looked",
    rows: tokens.slice(-NEWEST).map(visible),
    columns: columns.map(visible),
    values: rows.slice(-NEWEST),
    caption: CAPTION,
  });
}

/** What each token that was written looked at in the text so far; `prompt` was read before. */
export function textMap(prompt, tokens, notes, choice) {
  const rows = notes.map((step) => rowOf(step, "text", choice)), newest = Math.max(0, rows.length - NEWEST / 2);
  if (!rows[0]) return null;
  const read = [...prompt, ...tokens], first = Math.max(0, read.length - NEWEST);
  // where an answer outgrew the network a row is shorter than the text: it ends before the token that was written
  const begin = (t) => prompt.length + newest + t - rows[newest + t].length;
  const shown = read.slice(first);
  const values = rows.slice(newest).map((row, t) => shown.map((_, column) => row[first + column - begin(t)]));
  return heatmap({
    title: "Where it looked",
    rows: tokens.slice(newest).map(visible),
    columns: shown.map(visible),
    values,
    shades: values.map(byLargest),
    caption: `${CAPTION} Each row is shaded by the largest that is shown of it; a cell tells its share.`,
  });
}

/** Numbers as parts of the largest; of many tokens each has little, and would be seen nowhere. */
function byLargest(row) {
  const largest = row.reduce((most, value) => Math.max(most, value ?? 0), 1e-9);
  return row.map((value) => value / largest);
}

/** The weights of one step: of the chosen head, or the mean of all. */
function rowOf(step, kind, choice) {
  const heads = headsOf(step, kind), maps = [...heads.values()];
  if (heads.has(choice)) return heads.get(choice);
  return maps[0]?.map((_, s) => maps.reduce((sum, map) => sum + map[s], 0) / maps.length);
}

/** "decoder.1.memory.weights" -> "layer 2, head 1" and so on, with the weights of each. */
function headsOf(step, kind) {
  const heads = new Map();
  for (const [name, [maps]] of step) {
    if (!KINDS[kind].test(name)) continue;
    const layer = /\.(\d+)\./.exec(name);
    maps.forEach((map, head) => heads.set(layer ? `layer ${Number(layer[1]) + 1}, head ${head + 1}` : MEAN, map));
  }
  return heads;
}
