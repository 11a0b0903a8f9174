// From a description to a network: what reads, and what writes or tells.

import { Counts } from "../blocks/counts.js";
import { Tokens } from "../blocks/embedding.js";
import { Linear, mean } from "../blocks/linear.js";
import { PictureEmbedding } from "./embeddings.js";
import { decoderOf } from "./decoders.js";
import { encoderOf } from "./encoders.js";

/** A source to tokens, or tokens from nothing: `start` with a source (none: null), then the decoder's `step`. */
class Writer {
  constructor(description, weights) {
    this.embedding = description.encoder && embeddingOf(description, weights.at("embedding"));
    this.encoder = description.encoder && encoderOf(description.encoder, weights.at("encoder"));
    this.decoder = decoderOf(description.decoder, weights.at("decoder"));
  }

  start(source) {
    return this.decoder.start(this.encoder && this.encoder.read(this.embedding.read(source)));
  }
}

/** A source to one answer: the logits of classes. */
class Teller {
  constructor(description, weights) {
    this.embedding = embeddingOf(description, weights.at("embedding"));
    this.encoder = encoderOf(description.encoder, weights.at("encoder"));
    this.pool = description.pool;
    this.head = new Linear(weights.at("head"));
    const counts = weights.at("counts");
    this.counts = counts.has("table") ? new Counts(counts, this.embedding.tokens.table.shape[0]) : null;
  }

  logits(source) {
    const memory = this.encoder.read(this.embedding.read(source));
    const pools = {
      summary: () => memory.summary,
      class: () => memory.vectors[0],
      mean: () => mean(memory.vectors, memory.vectors[0].length),
    };
    const logits = this.head.of(pools[this.pool]());
    return this.counts ? this.counts.add(logits, source) : logits;
  }
}

/** Tokens as a sequence of vectors. */
class TextEmbedding {
  constructor(weights, scale) {
    this.tokens = new Tokens(weights, scale);
  }

  read(ids) {
    return ids.map((id) => this.tokens.of(id));
  }
}

function embeddingOf({ source }, weights) {
  return source.patch ? new PictureEmbedding(source, weights) : new TextEmbedding(weights, source.scale);
}

/** The network of a description. */
export function build(description, weights) {
  return new (description.decoder ? Writer : Teller)(description, weights);
}
