// A matrix times a vector, and the linear layer made of it. A vector is a Float32Array, a sequence an array of vectors.

/** W x of a matrix of `rows` rows: four rows at once, so that each number of x is read a quarter as often. */
export function product(weight, rows, x) {
  const size = x.length, out = new Float32Array(rows);
  let row = 0;
  for (; row + 3 < rows; row += 4) {
    const first = row * size, second = first + size, third = second + size, fourth = third + size;
    let a = 0, b = 0, c = 0, d = 0;
    for (let i = 0; i < size; i++) {
      const value = x[i];
      a += weight[first + i] * value;
      b += weight[second + i] * value;
      c += weight[third + i] * value;
      d += weight[fourth + i] * value;
    }
    out[row] = a; out[row + 1] = b; out[row + 2] = c; out[row + 3] = d;
  }
  for (; row < rows; row++) {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += weight[row * size + i] * x[i];
    out[row] = sum;
  }
  return out;
}

/** W x + b. */
export class Linear {
  constructor(weights) {
    this.weight = weights.get("weight");
    this.bias = weights.find("bias");
    this.outputs = this.weight.shape[0];
  }

  of(x) {
    const out = product(this.weight.data, this.outputs, x);
    return this.bias ? add(out, this.bias.data) : out;
  }
}

/** The sum of two vectors. */
export function add(a, b) {
  const out = new Float32Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i] + b[i];
  return out;
}

/** The dot product of two vectors. */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Vectors one behind another, as one. */
export function concatenate(...parts) {
  const out = new Float32Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The mean of a sequence; of nothing, zeros. */
export function mean(vectors, width) {
  const out = new Float32Array(width);
  for (const vector of vectors) for (let i = 0; i < width; i++) out[i] += vector[i] / vectors.length;
  return out;
}

/** The sum of vectors, each times its weight. */
export function mix(weights, vectors, width) {
  const out = new Float32Array(width);
  vectors.forEach((vector, s) => {
    const weight = weights[s];
    for (let i = 0; i < width; i++) out[i] += weight * vector[i];
  });
  return out;
}
