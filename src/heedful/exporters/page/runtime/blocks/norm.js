// The norms around the parts of a block.

/** (x - mean) / √(variance + ε), times a scale, plus a shift. */
export class LayerNorm {
  constructor(weights, epsilon) {
    this.scale = weights.get("weight").data;
    this.shift = weights.get("bias").data;
    this.epsilon = epsilon;
  }

  of(x) {
    const size = x.length, out = new Float32Array(size);
    let mean = 0, variance = 0;
    for (let i = 0; i < size; i++) mean += x[i] / size;
    for (let i = 0; i < size; i++) variance += (x[i] - mean) ** 2 / size;
    const factor = 1 / Math.sqrt(variance + this.epsilon);
    for (let i = 0; i < size; i++) out[i] = (x[i] - mean) * factor * this.scale[i] + this.shift[i];
    return out;
  }
}

/** x / √(mean(x²) + ε), times a scale (Zhang & Sennrich 2019, equation 4). */
export class RMSNorm {
  constructor(weights, epsilon) {
    this.scale = weights.get("weight").data;
    this.epsilon = epsilon;
  }

  of(x) {
    const size = x.length, out = new Float32Array(size);
    let square = 0;
    for (let i = 0; i < size; i++) square += (x[i] * x[i]) / size;
    const factor = 1 / Math.sqrt(square + this.epsilon);
    for (let i = 0; i < size; i++) out[i] = x[i] * factor * this.scale[i];
    return out;
  }
}

/** No norm. */
export const IDENTITY = { of: (x) => x };

/** The norm of a network's settings. */
export function normOf(config, weights) {
  return config.norm_kind === "rms" ? new RMSNorm(weights, config.epsilon) : new LayerNorm(weights, config.epsilon);
}

/** The two slots around a part: what norms its input, and what norms the sum behind it. One of them is empty. */
export function slots(config, weights) {
  const norm = normOf(config, weights);
  return config.norm === "pre" ? { before: norm, after: IDENTITY } : { before: IDENTITY, after: norm };
}
