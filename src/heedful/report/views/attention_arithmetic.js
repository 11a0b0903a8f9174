// What attention computes, by its papers: scores of one query with all keys, softmax, and the sum of values.
// A layer has `score` (its kind), `scale`, `causal`, `real`, `vector` (v of additive attention), `query_norm`, `key_norm` and
// `angles` of rotary positions; a head has `queries`, `keys` and `values`, as arrays of rows.

/** The numbers of one query: its keys as they are compared, scores, powers of e, weights, and the sum of values. */
export function compute(layer, head, row) {
  const query = prepare(layer, head.queries[row], layer.query_norm, row);
  const keys = head.keys.map((key, column) => prepare(layer, key, layer.key_norm, column));
  const scores = keys.map((key) => total(terms(layer, query, key)));
  const scaled = scores.map((score) => score / layer.scale);
  const masked = keys.map((_, column) => whyMasked(layer, row, column));
  const allowed = scaled.filter((_, column) => !masked[column]);
  const most = allowed.length ? Math.max(...allowed) : 0;
  const powers = scaled.map((score, column) => (masked[column] ? 0 : Math.exp(score - most)));
  const sum = total(powers);
  const weights = powers.map((power) => power / (sum || 1));
  const sums = head.values[0].map((_, at) => total(weights.map((weight, column) => weight * head.values[column][at])));
  return { row, query, keys, scores, scaled, masked, most, powers, sum, weights, sums };
}

function whyMasked(layer, row, column) {
  if (layer.causal && column > row) return "later";
  return layer.real.length && !layer.real[column] ? "padding" : "";
}

/** What is summed to a score: products of the numbers of query and key, or v tanh(q + k). */
export function terms(layer, query, key, from = 0) {
  if (layer.score !== "additive") return query.map((value, at) => value * key[at]);
  return query.map((value, at) => layer.vector[from + at] * Math.tanh(value + key[at]));
}

function prepare(layer, vector, norm, position) {
  const normed = norm ? normalise(vector, norm) : vector;
  return layer.angles.length ? rotate(normed, layer.angles[position]) : normed;
}

export function normalise(vector, { scales, shifts, centred, epsilon }) {
  const mean = centred ? total(vector) / vector.length : 0;
  const length = Math.sqrt(total(vector.map((value) => (value - mean) ** 2)) / vector.length + epsilon);
  return vector.map((value, at) => ((value - mean) / length) * scales[at] + (shifts[at] ?? 0));
}

function rotate(vector, angles) {
  const half = angles.length;
  return vector.map((value, at) => {
    const angle = angles[at % half];
    return value * Math.cos(angle) + (at < half ? -vector[at + half] : vector[at - half]) * Math.sin(angle);
  });
}

export function total(values) {
  return values.reduce((sum, value) => sum + value, 0);
}

/** The places of the largest values, without their signs, the largest first. */
export function largest(values) {
  return [...values.keys()].sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]));
}
