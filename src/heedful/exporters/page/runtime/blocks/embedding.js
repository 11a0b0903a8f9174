// How things become vectors: tokens, and the positions they stand at.

import { add } from "./linear.js";

/** A vector for each entry of the vocabulary. */
export class Tokens {
  constructor(weights, scale) {
    this.table = weights.get("table.weight");
    this.scale = scale;
  }

  of(token) {
    const width = this.table.shape[1];
    return this.table.data.slice(token * width, (token + 1) * width).map((value) => value * this.scale);
  }
}

/** Where each vector stands: something is added to it, or queries and keys are rotated. */
export const NO_POSITIONS = { limit: Infinity, add: (x) => x, rotation: () => (x) => x };

/** Sinusoidal position embeddings, Vaswani et al. 2017, section 3.5. */
class Sinusoidal {
  limit = Infinity;
  rotation = NO_POSITIONS.rotation;

  add(x, position) {
    const angles = sinusoidAngles(position, x.length);
    const half = angles.length;
    return x.map((value, i) => value + (i < half ? Math.sin(angles[i]) : Math.cos(angles[i - half])));
  }
}

/** Learned position embeddings: a trained vector for each of `limit` positions. */
export class Learned {
  rotation = NO_POSITIONS.rotation;

  constructor(weights) {
    this.table = weights.get("table.weight");
    this.limit = this.table.shape[0];
  }

  add(x, position) {
    return add(x, this.table.data.subarray(position * x.length, (position + 1) * x.length));
  }
}

/** Rotary position embeddings: each pair of coordinates (i, i + E/2) turns by its angle (Su et al. 2021). */
class Rotary {
  limit = Infinity;
  add = NO_POSITIONS.add;

  rotation(position) {
    return (x) => {
      const angles = sinusoidAngles(position, x.length), half = x.length / 2;
      const out = new Float32Array(x.length);
      angles.forEach((angle, i) => {
        const cos = Math.cos(angle), sin = Math.sin(angle);
        out[i] = x[i] * cos - x[i + half] * sin;
        out[i + half] = x[i + half] * cos + x[i] * sin;
      });
      return out;
    };
  }
}

/** Angles of sinusoids whose wavelengths grow from 2π to 10,000 · 2π. */
export function sinusoidAngles(position, width) {
  const rate = (i) => Math.exp((2 * i * -Math.log(10_000)) / width);
  return Array.from({ length: Math.ceil(width / 2) }, (_, i) => position * rate(i));
}

/** The position embeddings of a network's settings. */
export function positionsOf(name, weights) {
  if (name === "sinusoidal") return new Sinusoidal();
  return name === "rotary" ? new Rotary() : new Learned(weights);
}
