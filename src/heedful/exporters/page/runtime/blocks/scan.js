// Recurrences whose gates read the input alone: SSRU (Kim et al. 2019) and minGRU (Feng et al. 2024).

import { sigmoid } from "./activation.js";
import { concatenate, Linear } from "./linear.js";
import { nameOf, note } from "./recording.js";

/** h' = f ∘ h + (1 - f) ∘ v with f = sigmoid(gates): a running average that chooses what it keeps. */
function average(gates, values, state, name, direction = 0) {
  const keep = gates.map(sigmoid), next = new Float32Array(state.length);
  for (let i = 0; i < next.length; i++) next[i] = keep[i] * state[i] + (1 - keep[i]) * values[i];
  note(`${name}.average.forget${direction}`, keep);
  return next;
}

/** The simpler simple recurrent unit, Kim et al. 2019, section 2.2. */
export class SSRU {
  constructor(weights) {
    this.name = nameOf(weights.path);
    this.forget = new Linear(weights.at("forget"));
    this.value = new Linear(weights.at("value"));
    this.width = this.forget.outputs;
  }

  /** A sequence behind a state: outputs, and the state behind its end. */
  read(xs, state = new Float32Array(this.width)) {
    const outputs = xs.map((x) => {
      state = average(this.forget.of(x), this.value.of(x), state, this.name);
      return state.map((value) => Math.max(0, value));
    });
    return { outputs, state };
  }
}

/** The minimal GRU of Feng et al. 2024, section 3.1, with h̃ = g(W x) > 0; of two directions each has half the width. */
export class MinGRU {
  constructor(weights, { bidirectional = false } = {}) {
    this.name = nameOf(weights.path);
    this.update = new Linear(weights.at("update"));
    this.candidate = new Linear(weights.at("candidate"));
    this.width = this.update.outputs;
    this.bidirectional = bidirectional;
  }

  read(xs, state = new Float32Array(this.width)) {
    const gates = xs.map((x) => this.update.of(x).map((value) => -value));
    const values = xs.map((x) => this.candidate.of(x).map(positive));
    if (!this.bidirectional) return this.scan(gates, values, state, 0);
    const half = this.width / 2;
    const [first, second] = [(vector) => vector.subarray(0, half), (vector) => vector.subarray(half)];
    const there = this.scan(gates.map(first), values.map(first), first(state), 0);
    const reversed = [gates, values].map((part) => part.map(second).reverse());
    const back = this.scan(...reversed, second(state), 1);
    back.outputs.reverse();
    const outputs = there.outputs.map((output, t) => concatenate(output, back.outputs[t]));
    return { outputs, state: concatenate(there.state, back.state) };
  }

  scan(gates, values, state, direction) {
    const outputs = gates.map((gate, t) => (state = average(gate, values[t], state, this.name, direction)));
    return { outputs, state };
  }
}

/** g of Feng et al. 2024, appendix B. */
function positive(x) {
  return x >= 0 ? x + 0.5 : sigmoid(x);
}
