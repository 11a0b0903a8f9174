// A network with what it takes to ask it: how a text or a picture becomes its input, and its output an answer.

import { softmax } from "./blocks/activation.js";
import { record } from "./blocks/recording.js";
import { tokenizerOf, UNKNOWN } from "./data/tokenizers.js";
import { search, stepOf } from "./generation/search.js";
import { build } from "./networks/build.js";
import { readWeights } from "./networks/weights.js";

/** The model of a description and its weights (base64). */
export async function openModel(description, base64) {
  const network = build(description.network, await readWeights(base64, description.layout));
  const kinds = { encoder_decoder: Translator, decoder: Continuer, encoder_pooled: Classifier };
  return new kinds[description.join](description, network);
}

class Model {
  constructor(description, network) {
    Object.assign(this, { description, network, asking: description.asking });
    this.source = this.asking.source?.tokenizer && tokenizerOf(this.asking.source.tokenizer);
    this.target = this.asking.target && tokenizerOf(this.asking.target.tokenizer);
  }

  normalise(text) {
    return this.asking.normal_form === "none" ? text : text.normalize(this.asking.normal_form);
  }

  /** An input as the network reads it: pixels as they are, or the ids of a text between its special tokens. */
  read(input) {
    if (typeof input !== "string") return { source: input, tokens: [], remarks: [] };
    const { before, after, limit } = this.asking.source, ids = this.source.encode(this.normalise(input));
    const kept = ids.slice(0, (limit ?? Infinity) - before.length - after.length); // of a long text the beginning
    const source = [...before, ...kept, ...after];
    return { source, tokens: source.map((id) => this.source.display(id)), remarks: remarksOn(ids, kept) };
  }

  /** A search from a state; `begin` is the token that is read first. */
  search(first, begin, limit, settings) {
    const { end, never } = this.asking, decode = (ids) => this.textOf(ids, []);
    return search({ step: stepOf(this.network.decoder), first, begin, end, never, limit, settings, decode });
  }

  /** The text of ids, up to what stops it. */
  textOf(ids, stops = this.asking.generate.stop) {
    const text = this.target.decode(ids);
    return text.slice(0, Math.min(text.length, ...stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)));
  }

  settings(changes) {
    return { ...this.asking.generate, ...changes };
  }
}

/** What is to be said of how a text was read. */
function remarksOn(ids, kept) {
  const unknown = kept.filter((id) => id === UNKNOWN).length, remarks = [];
  if (unknown) remarks.push(`${unknown} of its tokens ${unknown > 1 ? "are" : "is"} not in the vocabulary`);
  if (kept.length < ids.length) remarks.push(`${kept.length} of its ${ids.length} tokens are read`);
  return remarks;
}

/** Reads a source, and writes. */
class Translator extends Model {
  /** What was read: its tokens as people are shown them, remarks on it, and what was recorded meanwhile. */
  open(input) {
    const { source, tokens, remarks } = this.read(input), { result, notes } = record(() => this.network.start(source));
    return { tokens, remarks, notes, state: result, positions: this.asking.positions || source.length };
  }

  /** Step after step of the search; each is { grown, growing, finished }. */
  *write(input, { state, positions } = this.open(input), changes = {}) {
    const { stretch, slack, limit, begin } = this.asking;
    const most = Math.min(Math.ceil(stretch * positions) + slack, limit ?? Infinity);
    yield* this.search(state, begin, most, this.settings(changes));
  }
}

/** Goes on with a text, in stretches if it outgrows what the network reads at once. */
class Continuer extends Model {
  open(text) {
    const { prompted, begin, limit } = this.asking, ids = this.target.encode(this.normalise(text));
    const all = prompted || !ids.length ? [begin, ...ids] : ids;
    const prompt = limit && all.length > limit ? all.slice(-Math.max(1, limit >> 1)) : all; // of a long text the end
    const remarks = remarksOn(ids, prompt.slice(Math.max(0, prompt.length - ids.length)));
    return { prompt, tokens: prompt.map((id) => this.target.display(id)), remarks, notes: new Map() };
  }

  *write(text, { prompt } = this.open(text), changes = {}) {
    const { limit, slack } = this.asking, settings = this.settings(changes);
    let before = { tokens: [], notes: [], score: 0 };
    for (;;) {
      const most = Math.min(slack - before.tokens.length, limit ? limit - prompt.length + 1 : Infinity);
      let finished = [];
      for (const step of this.search(this.readPrompt(prompt), prompt.at(-1), most, settings)) {
        finished = step.finished.map((hypothesis) => behind(before, hypothesis));
        const [grown, growing] = [step.grown, step.growing].map((all) => all.map((one) => behind(before, one)));
        yield { grown, growing, finished };
      }
      const [best] = finished;
      if (best.complete || best.tokens.length >= slack || !limit) return;
      prompt = [...prompt, ...best.tokens.slice(before.tokens.length)].slice(-Math.max(1, limit >> 1));
      before = best;
    }
  }

  /** The state behind all but the last token of a prompt. */
  readPrompt(prompt) {
    const { decoder } = this.network;
    return prompt.slice(0, -1).reduce((state, token) => decoder.step(token, state).state, this.network.start(null));
  }
}

/** What a hypothesis is behind what was written before it. */
function behind(before, hypothesis) {
  const [tokens, notes] = ["tokens", "notes"].map((key) => [...before[key], ...hypothesis[key]]);
  return { ...hypothesis, node: hypothesis.node ?? hypothesis, tokens, notes, score: before.score + hypothesis.score };
}

/** Tells classes apart. */
class Classifier extends Model {
  open(input) {
    const { source, tokens, remarks } = this.read(input);
    const { result, notes } = record(() => softmax(this.network.logits(source)));
    const classes = this.asking.names.map((name, number) => ({ name, probability: result[number] }));
    return { tokens, remarks, notes, classes: classes.sort((a, b) => b.probability - a.probability) };
  }
}
