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

/** Hands over a vector under a name, as "decoder.layers.0.update", if somebody is recording. */
export function note(name, vector) {
  if (!current) return;
  if (!current.has(name)) current.set(name, []);
  current.get(name).push(vector);
}
