// How maps and gates are seen: inside `record` the blocks hand over what they compute; outside it that costs nothing.

let current = null;

/** What `compute` gives, and the notes that were made meanwhile: name -> a list of vectors, in order. */
export function record(compute) {
  const before = current, notes = new Map();
  current = notes;
  try {
    return { result: compute(), notes };
  } finally {
    current = before;
  }
}

/** What people call a part: "layers" says nothing to them, and decoder.layers.layers.1.memory is decoder.1.memory. */
export const nameOf = (path) => path.replaceAll("layers.", "");

/** Hands over a vector, or one for each head, under a name, as "decoder.0.update0", if somebody is recording. */
export function note(name, vector) {
  if (!current) return;
  if (!current.has(name)) current.set(name, []);
  current.get(name).push(vector);
}
