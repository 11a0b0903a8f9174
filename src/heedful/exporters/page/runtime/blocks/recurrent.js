// Elman RNN, LSTM and GRU: the equations, one position at a time.

import { sigmoid } from "./activation.js";
import { add, concatenate, product } from "./linear.js";
import { nameOf, note } from "./recording.js";

/** One layer in one direction. What it carries on is an array: h, and the LSTM's c. */
class Direction {
  constructor(weights, cell, suffix) {
    const matrix = (name) => weights.get(`${name}_l0${suffix}`);
    this.cell = CELLS[cell];
    this.parts = cell === "lstm" ? 2 : 1;
    this.note = (gate, vector) => note(`${nameOf(weights.path)}.${gate}${suffix ? 1 : 0}`, vector);
    this.fromInput = matrix("weight_ih");
    this.fromHidden = matrix("weight_hh");
    this.biases = [matrix("bias_ih").data, matrix("bias_hh").data];
    this.width = this.fromHidden.shape[1];
  }

  zeros() {
    return Array.from({ length: this.parts }, () => new Float32Array(this.width));
  }

  step(x, hidden) {
    const a = add(product(this.fromInput.data, this.fromInput.shape[0], x), this.biases[0]);
    const b = add(product(this.fromHidden.data, this.fromHidden.shape[0], hidden[0]), this.biases[1]);
    return this.cell(a, b, hidden, this.note);
  }
}

/** `depth` layers, each reading the one below; bidirectional ones join the halves of both directions. */
export class Recurrent {
  constructor(weights, { cell, depth, bidirectional = false }) {
    this.parts = cell === "lstm" ? 2 : 1;
    this.layers = Array.from({ length: depth }, (_, number) => {
      const layer = weights.at(`layers.${number}`);
      return (bidirectional ? ["", "_reverse"] : [""]).map((suffix) => new Direction(layer, cell, suffix));
    });
  }

  /** The widths of what it carries on. */
  get widths() {
    return this.layers.flatMap((ways) => Array(this.parts).fill(ways.length * ways[0].width));
  }

  zeros() {
    return this.layers.flatMap((ways) => ways[0].zeros());
  }

  /** All outputs of a sequence, and what is carried on behind its end. */
  read(xs) {
    const hidden = [];
    for (const ways of this.layers) {
      const read = ways.map((way, backwards) => {
        let state = way.zeros();
        const outputs = [];
        for (const x of backwards ? [...xs].reverse() : xs) outputs.push((state = way.step(x, state))[0]);
        return { outputs: backwards ? outputs.reverse() : outputs, state };
      });
      xs = xs.map((_, t) => concatenate(...read.map(({ outputs }) => outputs[t])));
      for (let part = 0; part < this.parts; part++) hidden.push(concatenate(...read.map(({ state }) => state[part])));
    }
    return { outputs: xs, hidden };
  }

  /** One position: the output of the top layer, and what is carried on. */
  step(x, hidden) {
    const next = [];
    this.layers.forEach(([way], number) => {
      const state = way.step(x, hidden.slice(number * this.parts, (number + 1) * this.parts));
      next.push(...state);
      x = state[0];
    });
    return { output: x, hidden: next };
  }
}

/** h' = tanh(W x + U h), Elman 1990. */
function elman(a, b) {
  return [add(a, b).map(Math.tanh)];
}

/** Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000; gates i, f, g, o. */
function lstm(a, b, [, cell], note) {
  const size = cell.length, sum = add(a, b), h = new Float32Array(size), c = new Float32Array(size);
  const gate = (number) => sum.slice(number * size, (number + 1) * size).map(sigmoid);
  const input = gate(0), forget = gate(1), output = gate(3);
  for (let i = 0; i < size; i++) {
    c[i] = forget[i] * cell[i] + input[i] * Math.tanh(sum[2 * size + i]);
    h[i] = output[i] * Math.tanh(c[i]);
  }
  note("input", input);
  note("forget", forget);
  note("output", output);
  return [h, c];
}

/** Cho et al. 2014, equations 5 to 8, the reset gate on U h as in cuDNN; gates r, z, n. */
function gru(a, b, [before], note) {
  const size = before.length, h = new Float32Array(size);
  const gate = (number) => {
    const at = number * size, end = at + size;
    return add(a.subarray(at, end), b.subarray(at, end)).map(sigmoid);
  };
  const reset = gate(0), update = gate(1);
  for (let i = 0; i < size; i++) {
    const candidate = Math.tanh(a[2 * size + i] + reset[i] * b[2 * size + i]);
    h[i] = (1 - update[i]) * candidate + update[i] * before[i];
  }
  note("reset", reset);
  note("update", update);
  return [h];
}

const CELLS = { rnn: elman, lstm, gru };
