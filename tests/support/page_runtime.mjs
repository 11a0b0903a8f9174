// Asks the modules of the page's runtime what a browser would: node page_runtime.mjs RUNTIME QUESTIONS > ANSWERS

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [runtime, questions] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(join(runtime, name)).href);
const { build } = await load("networks/build.js");
const { record } = await load("blocks/recording.js");
const { readWeights } = await load("networks/weights.js");
const { tokenizerOf } = await load("data/tokenizers.js");
const { openModel } = await load("models.js");

/** Logits behind each of the tokens, teacher-forced, or of the classes. */
async function logits({ network: description, weights, layout, source, tokens }) {
  const network = build(description, await readWeights(weights, layout));
  if (!network.decoder) return [Array.from(network.logits(source))];
  let before = network.start(source);
  return tokens.map((token) => {
    const { output, state } = network.decoder.step(token, before);
    before = state;
    return Array.from(network.decoder.logits(output));
  });
}

/** What is recorded while a source is read, and behind each of the tokens. */
async function notes({ network: description, weights, layout, source, tokens }) {
  const network = build(description, await readWeights(weights, layout));
  const plain = (map) => Object.fromEntries([...map].map(([name, vectors]) => [name, vectors.map(listed)]));
  const reading = record(() => network.start(source));
  let before = reading.result;
  const writing = tokens.map((token) => {
    const step = record(() => network.decoder.step(token, before));
    before = step.result.state;
    return plain(step.notes);
  });
  return { reading: plain(reading.notes), writing };
}

const listed = (value) => (value instanceof Array ? value.map(listed) : Array.from(value));

function ids({ tokenizer, texts }) {
  const own = tokenizerOf(tokenizer);
  return texts.map(own.encode, own).map((all) => [all, own.decode(all), all.map(own.display, own)]);
}

/** The best answers of a model to inputs, with their scores. */
async function answers({ description, weights, inputs }) {
  const model = await openModel(description, weights);
  return inputs.map((input) => {
    const opened = model.open(input);
    if (opened.classes) return opened.classes;
    let best = null;
    for (const { finished } of model.write(input, opened)) best = finished[0];
    return { text: model.textOf(best.tokens), score: best.score, complete: best.complete };
  });
}

const kinds = { logits, notes, ids, answers };
const said = [];
for (const question of JSON.parse(readFileSync(questions, "utf8"))) said.push(await kinds[question.kind](question));
process.stdout.write(JSON.stringify(said));
