// Encoders: a sequence of vectors in, a memory out: its vectors, one summary, and the last states of recurrent ones.

import { IDENTITY, LayerNorm } from "../blocks/norm.js";
import { NO_POSITIONS, positionsOf } from "../blocks/embedding.js";
import { add, Linear, mean } from "../blocks/linear.js";
import { Recurrent } from "../blocks/recurrent.js";
import { Block, RecurrentBlock, Stack } from "../blocks/transformer.js";

/** A recurrent stack; `reverse` reads the source backwards (Sutskever et al. 2014, section 3.3). */
class RecurrentEncoder {
  limit = Infinity;

  constructor(weights, config) {
    this.reverse = config.reverse;
    this.layers = new Recurrent(weights.at("layers"), config);
  }

  read(xs) {
    const { outputs, hidden } = this.layers.read(this.reverse ? [...xs].reverse() : xs);
    if (this.reverse) outputs.reverse();
    return { vectors: outputs, summary: hidden[hidden.length - this.layers.parts], final: hidden };
  }
}

/** Layers that see one position each: the yardstick. */
class FrameEncoder {
  limit = Infinity;

  constructor(weights, config) {
    this.layers = Array.from({ length: config.depth }, (_, number) => new Linear(weights.at(`layers.${number}`)));
  }

  read(xs) {
    const through = (x, layer) => add(x, layer.of(x).map((value) => Math.max(0, value)));
    const vectors = xs.map((x) => this.layers.reduce(through, x));
    return { vectors, summary: mean(vectors, xs[0].length) };
  }
}

/** A stack of blocks, whatever mixes the positions in them. */
class StackEncoder {
  constructor(weights, config, kind) {
    this.config = config;
    this.positions = config.positions ? positionsOf(config.positions, weights.at("positions")) : NO_POSITIONS;
    this.limit = this.positions.limit;
    this.firstNorm = config.first_norm ? new LayerNorm(weights.at("first_norm"), config.epsilon) : IDENTITY;
    this.stack = new Stack(weights.at("layers"), config, kind);
  }

  read(xs) {
    const rotations = xs.map((_, position) => this.positions.rotation(position));
    let vectors = xs.map((x, position) => this.firstNorm.of(this.positions.add(x, position)));
    const given = { causal: this.config.causal, rotations };
    for (const block of this.stack.layers) vectors = block.read(vectors, given).outputs;
    vectors = vectors.map((vector) => this.stack.norm.of(vector));
    const summaries = { first: () => vectors[0], last: () => vectors.at(-1), mean: () => mean(vectors, xs[0].length) };
    return { vectors, summary: summaries[this.config.summary ?? "mean"]() };
  }
}

/** The encoder of a description. */
export function encoderOf(config, weights) {
  if (config.part === "recurrent") return new RecurrentEncoder(weights, config);
  if (config.part === "frame") return new FrameEncoder(weights, config);
  return new StackEncoder(weights, config, config.part === "mingru" ? RecurrentBlock : Block);
}
