// How far the gates of a recurrent network stood open, as tables: while it read, and while it wrote.

import { visible } from "./elements.js";
import { heatmap } from "./heatmap.js";

const NEWEST = 32; // tokens that a table has room for
const GATE = /\.(reset|update|input|forget|output)([01])$/;
const MEANING = { reset: "looks back", update: "keeps", input: "lets in", forget: "keeps", output: "shows" };

/** A table for what was read and one for what was written, as far as there are gates. `reversed`: read from behind. */
export function gateMaps(source, sourceNotes, tokens, notes, reversed) {
  const names = notes.length ? [...notes[0].keys()] : [];
  const written = new Map(names.map((name) => [name, notes.map((step) => step.get(name)[0])]));
  const reading = gateMap("Its gates as it read", source, inOrder(sourceNotes, reversed));
  return [reading, gateMap("Its gates as it wrote", tokens, written)].filter(Boolean);
}

/** Notes of a source in the order of its tokens: what was read from behind is turned round. */
function inOrder(notes, reversed) {
  const fromBehind = (name) => name.endsWith("1") !== reversed;
  return new Map([...notes].map(([name, vectors]) => [name, fromBehind(name) ? [...vectors].reverse() : vectors]));
}

function gateMap(title, tokens, notes) {
  const gates = [...notes].filter(([name]) => GATE.test(name));
  if (!gates.length) return null;
  const columns = tokens.length ? tokens : gates[0][1].map((_, place) => `${place + 1}`);
  return heatmap({
    title,
    rows: gates.map(([name]) => name).map(labelOf),
    columns: columns.slice(-NEWEST).map(visible),
    values: gates.map(([, vectors]) => vectors.slice(-NEWEST).map(openness)),
    caption: "How far each gate stood open, as the mean of its units: faint is shut, deep is open.",
  });
}

const openness = (vector) => vector.reduce((sum, value) => sum + value, 0) / vector.length;

/** "encoder.1.forget1" -> "layer 2, from behind: keeps"; the layer only where there are several. */
function labelOf(name, _, all) {
  const layerOf = (one) => Number(/\.(\d+)\./.exec(one)[1]), [, gate, direction] = GATE.exec(name);
  const several = new Set(all.map(layerOf)).size > 1;
  const places = [several && `layer ${layerOf(name) + 1}`, direction === "1" && "from behind"].filter(Boolean);
  return [places.join(", "), MEANING[gate]].filter(Boolean).join(": ");
}
