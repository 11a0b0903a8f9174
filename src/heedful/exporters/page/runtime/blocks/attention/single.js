// Attention with one set of weights a query: additive (Bahdanau), dot and general (Luong).

import { softmax } from "../activation.js";
import { dot, Linear, mix } from "../linear.js";
import { nameOf, note } from "../recording.js";

/** softmax(score(query, key)) over the source, then the weighted sum of its vectors. */
class Score {
  constructor(weights) {
    this.name = nameOf(weights.path);
  }

  /** The context of a query; `keys` are those that `keys` made of the vectors once. */
  of(query, keys, vectors) {
    const weights = softmax(this.compare(query, keys));
    note(`${this.name}.weights`, [weights]);
    return mix(weights, vectors, vectors[0].length);
  }
}

/** score(s, h) = v · tanh(W s + U h), Bahdanau et al. 2015, appendix A.1.2; Luong's concat is the same sum. */
export class Additive extends Score {
  constructor(weights) {
    super(weights);
    this.query = new Linear(weights.at("query"));
    this.memory = new Linear(weights.at("memory"));
    this.score = weights.get("score.weight").data;
  }

  keys(vectors) {
    return vectors.map((vector) => this.memory.of(vector));
  }

  compare(query, keys) {
    const projected = this.query.of(query);
    return keys.map((key) => dot(this.score, key.map((value, i) => Math.tanh(value + projected[i]))));
  }
}

/** score(s, h) = s · W h, Luong et al. 2015, equation 8. */
export class General extends Score {
  constructor(weights) {
    super(weights);
    this.memory = new Linear(weights.at("memory"));
  }

  keys(vectors) {
    return vectors.map((vector) => this.memory.of(vector));
  }

  compare(query, keys) {
    return keys.map((key) => dot(query, key));
  }
}

/** score(s, h) = s · h, Luong et al. 2015, equation 8. */
export class Dot extends Score {
  keys(vectors) {
    return vectors;
  }

  compare(query, keys) {
    return keys.map((key) => dot(query, key));
  }
}

/** The attention of a recurrent decoder. */
export function scoreOf(name, weights) {
  return new { additive: Additive, concat: Additive, general: General, dot: Dot }[name](weights);
}
