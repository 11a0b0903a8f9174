// Pictures as sequences of vectors: squares or rows of pixels, and where they stand.

import { Learned, sinusoidAngles } from "../blocks/embedding.js";
import { add, Linear } from "../blocks/linear.js";
import { IDENTITY, LayerNorm } from "../blocks/norm.js";

/** Pixels (size × size × C, bytes) to vectors: patches, 2-D or 1-D positions, a class token if there is one. */
export class PictureEmbedding {
  constructor(source, weights) {
    this.source = source;
    this.mean = weights.get("patches.mean").data;
    this.std = weights.get("patches.std").data;
    this.linear = new Linear(weights.at("patches.linear"));
    this.norm = weights.has("norm.weight") ? new LayerNorm(weights.at("norm"), 1e-5) : IDENTITY;
    this.table = weights.find("places.table");
    this.token = weights.find("token");
    this.line = weights.has("line.table.weight") ? new Learned(weights.at("line")) : null;
  }

  read(pixels) {
    const places = this.places();
    let vectors = this.patches(pixels).map((patch) => this.norm.of(this.linear.of(patch)));
    if (places) vectors = vectors.map((vector, place) => add(vector, places[place]));
    if (this.token) vectors.unshift(this.token.data);
    return this.line ? vectors.map((vector, position) => this.line.add(vector, position)) : vectors;
  }

  /** Each patch as one vector, colour by colour, standardised. */
  patches(pixels) {
    const { size, patch: [high, wide] } = this.source, channels = this.mean.length, patches = [];
    for (let top = 0; top < size; top += high) {
      for (let left = 0; left < size; left += wide) {
        const patch = [];
        for (let channel = 0; channel < channels; channel++) {
          for (let y = top; y < top + high; y++) {
            for (let x = left; x < left + wide; x++) {
              patch.push((pixels[(y * size + x) * channels + channel] - this.mean[channel]) / this.std[channel]);
            }
          }
        }
        patches.push(Float32Array.from(patch));
      }
    }
    return patches;
  }

  /** What is added for each place of the grid: sinusoids of row and column, or a trained vector; null: nothing. */
  places() {
    const { size, patch: [high, wide], positions } = this.source, rows = size / high, columns = size / wide;
    const width = this.linear.outputs, all = Array.from({ length: rows * columns }, (_, place) => place);
    if (this.table) return all.map((place) => this.table.data.subarray(place * width, (place + 1) * width));
    if (positions !== "grid") return null;
    return all.map((place) => {
      const angles = [Math.floor(place / columns), place % columns].map((side) => sinusoidAngles(side, width / 2));
      return Float32Array.from(angles.flatMap((side) => [...side.map(Math.sin), ...side.map(Math.cos)]));
    });
  }
}
