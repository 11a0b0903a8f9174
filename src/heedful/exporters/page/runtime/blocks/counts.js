// What counted pieces of a text say of its class: a linear layer over TF-IDF, beside the network.

import { logSoftmax } from "./activation.js";

const SPREAD = 40_503;

/** A text's features are its pieces, and the pairs of neighbours among them, which share the places behind them. */
export class Counts {
  constructor(weights, vocabulary) {
    this.rarity = weights.get("rarity").data;
    this.table = weights.get("table");
    this.bias = weights.get("bias").data;
    this.shares = weights.get("shares").data;
    this.vocabulary = vocabulary;
  }

  /** The network's logits and what the features of a text say, each times its share. */
  add(logits, ids) {
    const [network, counted] = this.shares, outputs = this.outputs(ids);
    return Float32Array.from(logSoftmax(logits), (value, name) => network * value + counted * outputs[name]);
  }

  /** About 1 for a text's class, and -1 for others. */
  outputs(ids) {
    const pairs = this.rarity.length - this.vocabulary;
    const pair = (id, t) => this.vocabulary + ((ids[t] * SPREAD + id) % pairs);
    const features = [...ids, ...ids.slice(1).map(pair)];
    const square = features.reduce((sum, feature) => sum + this.rarity[feature] ** 2, 0);
    const length = Math.max(1e-12, Math.sqrt(square));
    const out = this.bias.slice(), classes = out.length;
    for (const feature of features) {
      const value = this.rarity[feature] / length;
      for (let name = 0; name < classes; name++) out[name] += value * this.table.data[feature * classes + name];
    }
    return out;
  }
}
