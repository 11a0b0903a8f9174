// Decoders of one protocol: `start` gives a state, `step` reads a token and gives an output and the next state,
// `logits` says how likely each token is. A state is never changed, so any number of hypotheses may go on from one.

import { scoreOf } from "../blocks/attention/single.js";
import { NO_POSITIONS, positionsOf, Tokens } from "../blocks/embedding.js";
import { add, concatenate, Linear, product } from "../blocks/linear.js";
import { Recurrent } from "../blocks/recurrent.js";
import { Block, RecurrentBlock, Stack } from "../blocks/transformer.js";

const tanh = (x) => x.map(Math.tanh);

/** What all share: the embedding, and logits over the vocabulary. */
class Decoder {
  limit = Infinity;

  constructor(weights, config) {
    this.tokens = new Tokens(weights.at("tokens"), config.scale);
    this.output = weights.get("output.linear.weight");
    this.bias = weights.find("output.linear.bias");
  }

  logits(output) {
    const logits = product(this.output.data, this.output.shape[0], output);
    return this.bias ? add(logits, this.bias.data) : logits;
  }
}

/** What recurrent decoders share: their first hidden state. */
class RecurrentDecoder extends Decoder {
  constructor(weights, config) {
    super(weights, config);
    this.layers = new Recurrent(weights.at("layers"), config);
    this.bridge = weights.has("bridge.weight") ? new Linear(weights.at("bridge")) : null;
    this.readout = weights.has("readout.weight") ? new Linear(weights.at("readout")) : null;
  }

  /** The encoder's last states as they are, or its summary bridged to each part of the hidden state. */
  firstHidden(memory) {
    if (!memory) return this.layers.zeros();
    if (!this.bridge) return memory.final;
    const bridged = tanh(this.bridge.of(memory.summary));
    let at = 0;
    return this.layers.widths.map((width) => bridged.slice(at, (at += width)));
  }
}

/** No attention (Sutskever et al. 2014); `every_step` feeds the summary beside each token (Cho et al. 2014). */
class SutskeverDecoder extends RecurrentDecoder {
  constructor(weights, config) {
    super(weights, config);
    this.everyStep = config.every_step;
  }

  start(memory) {
    const summary = this.everyStep && memory ? memory.summary : new Float32Array(0);
    return { hidden: this.firstHidden(memory), summary };
  }

  step(token, state) {
    const beside = concatenate(this.tokens.of(token), state.summary);
    const { output, hidden } = this.layers.step(beside, state.hidden);
    const read = this.readout ? tanh(this.readout.of(concatenate(output, beside))) : output;
    return { output: read, state: { ...state, hidden } };
  }
}

/** Attends before its step: the last state is the query, the context feeds the cell (Bahdanau et al. 2015, A.1.2). */
class BahdanauDecoder extends RecurrentDecoder {
  constructor(weights, config) {
    super(weights, config);
    this.attention = scoreOf(config.attention, weights.at("attention"));
  }

  start(memory) {
    return { hidden: this.firstHidden(memory), vectors: memory.vectors, keys: this.attention.keys(memory.vectors) };
  }

  step(token, state) {
    const x = this.tokens.of(token), query = state.hidden[state.hidden.length - this.layers.parts];
    const context = this.attention.of(query, state.keys, state.vectors);
    const { output, hidden } = this.layers.step(concatenate(x, context), state.hidden);
    return { output: tanh(this.readout.of(concatenate(output, x, context))), state: { ...state, hidden } };
  }
}

/** Attends after its step (Luong et al. 2015, equation 5); `feeding` gives what came out to the next (section 3.3). */
class LuongDecoder extends RecurrentDecoder {
  constructor(weights, config) {
    super(weights, config);
    this.attention = scoreOf(config.attention, weights.at("attention"));
    this.feeding = config.feeding;
  }

  start(memory) {
    const fed = new Float32Array(this.feeding ? this.tokens.table.shape[1] : 0);
    const hidden = this.firstHidden(memory), { vectors } = memory;
    return { hidden, fed, vectors, keys: this.attention.keys(vectors) };
  }

  step(token, state) {
    const { output, hidden } = this.layers.step(concatenate(this.tokens.of(token), state.fed), state.hidden);
    const context = this.attention.of(output, state.keys, state.vectors);
    const attended = tanh(this.readout.of(concatenate(context, output)));
    return { output: attended, state: { ...state, hidden, fed: this.feeding ? attended : state.fed } };
  }
}

/** Blocks: self-attention, whose state is the keys and values of what it has read, or recurrent units. */
class StackDecoder extends Decoder {
  constructor(weights, config, kind) {
    super(weights, config);
    this.positions = config.positions ? positionsOf(config.positions, weights.at("positions")) : NO_POSITIONS;
    this.limit = this.positions.limit;
    this.stack = new Stack(weights.at("layers"), config, kind);
  }

  start(memory) {
    const memories = this.stack.layers.map((block) => memory && block.project(memory.vectors));
    return { length: 0, caches: this.stack.layers.map(() => undefined), memories };
  }

  step(token, state) {
    let xs = [this.positions.add(this.tokens.of(token), state.length)];
    const rotations = [this.positions.rotation(state.length)];
    const caches = this.stack.layers.map((block, number) => {
      const given = { causal: true, rotations, cache: state.caches[number], memory: state.memories[number] };
      const { outputs, cache } = block.read(xs, given);
      xs = outputs;
      return cache;
    });
    return { output: this.stack.norm.of(xs[0]), state: { ...state, length: state.length + 1, caches } };
  }
}

/** The decoder of a description. */
export function decoderOf(config, weights) {
  if (config.part !== "recurrent") {
    const units = config.part === "mingru" || config.recurrent;
    return new StackDecoder(weights, config, units ? RecurrentBlock : Block);
  }
  const kinds = { never: SutskeverDecoder, before: BahdanauDecoder, after: LuongDecoder };
  return new kinds[config.attends](weights, config);
}
