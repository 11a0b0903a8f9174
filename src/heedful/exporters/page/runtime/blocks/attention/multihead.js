// Multi-head attention (Vaswani et al. 2017, section 3.2): self, cross, causal and cached from one body.

import { softmax } from "../activation.js";
import { concatenate, dot, Linear, mix } from "../linear.js";
import { IDENTITY, normOf } from "../norm.js";
import { nameOf, note } from "../recording.js";

/** softmax(q K / √E) V in each of H heads, then a projection. What is looked at is projected once, by `project`. */
export class Attention {
  constructor(weights, heads, config = {}) {
    this.name = nameOf(weights.path);
    this.heads = heads;
    [this.query, this.key, this.value, this.out] = ["query", "key", "value", "out"].map(
      (name) => new Linear(weights.at(name)),
    );
    const normed = weights.has("query_norm.weight");
    this.queryNorm = normed ? normOf(config, weights.at("query_norm")) : IDENTITY;
    this.keyNorm = normed ? normOf(config, weights.at("key_norm")) : IDENTITY;
  }

  /** Key and value of a vector: a list of heads each. */
  project(x, rotate) {
    const keys = this.split(this.key.of(x)).map((key) => rotate(this.keyNorm.of(key)));
    return { keys, values: this.split(this.value.of(x)) };
  }

  /** What x takes of all that it may look at. */
  of(x, seen, rotate) {
    const queries = this.split(this.query.of(x)).map((query) => rotate(this.queryNorm.of(query)));
    const scale = 1 / Math.sqrt(queries[0].length);
    const maps = queries.map((query, head) => softmax(seen.map(({ keys }) => dot(query, keys[head]) * scale)));
    note(`${this.name}.weights`, maps);
    const parts = maps.map((map, head) => mix(map, seen.map(({ values }) => values[head]), queries[head].length));
    return this.out.of(concatenate(...parts));
  }

  split(x) {
    const size = x.length / this.heads;
    return Array.from({ length: this.heads }, (_, head) => x.subarray(head * size, (head + 1) * size));
  }
}
