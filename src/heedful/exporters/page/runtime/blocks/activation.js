// Functions of single numbers, and the softmax.

export const sigmoid = (x) => 1 / (1 + Math.exp(-x));

// Abramowitz & Stegun 1964, 7.1.26 would err by 1.5e-7; this is Numerical Recipes' erfc, off by 1.2e-7 of its value.
function erf(x) {
  const z = Math.abs(x), t = 1 / (1 + z / 2);
  const terms = [-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
    -0.82215223, 0.17087277];
  const series = terms.reduceRight((sum, term) => term + t * sum, 0);
  const rest = t * Math.exp(-z * z + series);
  return x >= 0 ? 1 - rest : rest - 1;
}

/** The functions of a block's inner part, by name. */
export const ACTIVATIONS = {
  relu: (x) => (x > 0 ? x : 0),
  gelu: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
  gelu_tanh: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  quick_gelu: (x) => x * sigmoid(1.702 * x),
  silu: (x) => x * sigmoid(x),
};

/** Shares of scores: positive, and 1 in all. */
export function softmax(scores) {
  const out = new Float32Array(scores.length);
  let highest = -Infinity, sum = 0;
  for (const score of scores) if (score > highest) highest = score;
  for (let i = 0; i < out.length; i++) sum += out[i] = Math.exp(scores[i] - highest);
  for (let i = 0; i < out.length; i++) out[i] /= sum;
  return out;
}

/** Logarithms of the same shares, in double precision as they are added up. */
export function logSoftmax(scores) {
  const out = new Float64Array(scores.length);
  let highest = -Infinity, sum = 0;
  for (const score of scores) if (score > highest) highest = score;
  for (const score of scores) sum += Math.exp(score - highest);
  const total = highest + Math.log(sum);
  for (let i = 0; i < out.length; i++) out[i] = scores[i] - total;
  return out;
}
