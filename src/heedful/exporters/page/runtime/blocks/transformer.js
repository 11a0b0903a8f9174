// The Transformer's block and its recurrent sibling (Vaswani et al. 2017), made from parts.

import { ACTIVATIONS } from "./activation.js";
import { Attention } from "./attention/multihead.js";
import { add, Linear } from "./linear.js";
import { IDENTITY, normOf, slots } from "./norm.js";
import { MinGRU, SSRU } from "./scan.js";

const UNTURNED = (x) => x;

/** What mixes positions, attention over a memory if there is one, and the inner part, each with a residual sum. */
class ResidualBlock {
  constructor(weights, config) {
    this.norms = slots(config, weights.at("self_norm"));
    this.innerNorms = slots(config, weights.at("inner_norm"));
    this.memory = weights.has("memory.query.weight") ? new Attention(weights.at("memory"), config.heads) : null;
    this.memoryNorms = this.memory && slots(config, weights.at("memory_norm"));
    this.activation = ACTIVATIONS[config.activation];
    this.up = new Linear(weights.at("up"));
    this.down = new Linear(weights.at("down"));
    this.gate = config.gated ? new Linear(weights.at("gate")) : null;
  }

  /** All residual sums of one position; `memory` is what `project` made of the source. */
  addParts(x, mixed, memory) {
    x = this.norms.after.of(add(x, mixed));
    if (memory) {
      const context = this.memory.of(this.memoryNorms.before.of(x), memory, UNTURNED);
      x = this.memoryNorms.after.of(add(x, context));
    }
    return this.innerNorms.after.of(add(x, this.inner(this.innerNorms.before.of(x))));
  }

  /** Two linear layers and a function between them; gated, one layer's outputs times the function of another's. */
  inner(x) {
    const up = this.up.of(x);
    if (!this.gate) return this.down.of(up.map(this.activation));
    return this.down.of(this.gate.of(x).map((value, i) => this.activation(value) * up[i]));
  }

  project(vectors) {
    return vectors.map((vector) => this.memory.project(vector, UNTURNED));
  }
}

/** A Transformer's block: what mixes positions is self-attention. */
export class Block extends ResidualBlock {
  constructor(weights, config) {
    super(weights, config);
    this.attention = new Attention(weights.at("self_attention"), config.heads, config);
  }

  /** Reads a sequence behind what is in `cache`: outputs, and the cache with it. */
  read(xs, { causal, rotations, cache = [], memory }) {
    const normed = xs.map((x) => this.norms.before.of(x));
    const all = [...cache, ...normed.map((x, t) => this.attention.project(x, rotations[t]))];
    const outputs = xs.map((x, t) => {
      const seen = causal ? all.slice(0, cache.length + t + 1) : all;
      return this.addParts(x, this.attention.of(normed[t], seen, rotations[t]), memory);
    });
    return { outputs, cache: all };
  }
}

/** The same with a recurrent unit in place of self-attention. What it keeps of a sequence is one vector. */
export class RecurrentBlock extends ResidualBlock {
  constructor(weights, config) {
    super(weights, config);
    const unit = weights.at("unit");
    this.unit = unit.has("forget.weight") ? new SSRU(unit) : new MinGRU(unit, config);
  }

  read(xs, { cache, memory }) {
    const { outputs, state } = this.unit.read(xs.map((x) => this.norms.before.of(x)), cache);
    return { outputs: xs.map((x, t) => this.addParts(x, outputs[t], memory)), cache: state };
  }
}

/** Blocks, and a norm behind the last: none, unless their residual sum itself was never normed. */
export class Stack {
  constructor(weights, config, kind) {
    const layer = (_, number) => new kind(weights.at(`layers.${number}`), config);
    this.layers = Array.from({ length: config.depth }, layer);
    this.norm = config.norm === "pre" ? normOf(config, weights.at("norm")) : IDENTITY;
  }
}
