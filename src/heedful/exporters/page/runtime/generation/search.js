// Greedy search, beam search and sampling by the rules of a run: one loop, a token at a time, to be watched.

import { logSoftmax } from "../blocks/activation.js";
import { record } from "../blocks/recording.js";

/**
 * What is asked of a search. `step(token, state)` gives { scores, state, notes }: log probabilities, what goes on from
 * them, and what was recorded meanwhile, which a hypothesis keeps for each of its tokens.
 * `settings`: beam, length_penalty, repetition_penalty, no_repeat_ngram, stop; sample, temperature, top_k, top_p, min_p.
 * `decode` writes tokens, for stops; `random` gives numbers in [0, 1).
 */
export function* search({ step, first, begin, end, never, limit, settings, decode, random = Math.random }) {
  const width = settings.sample ? 1 : settings.beam, finished = [];
  let growing = [{ tokens: [], last: begin, state: first, notes: [], score: 0, ranking: 0 }], free = width;
  for (let length = 1; growing.length; length++) {
    const read = growing.map((hypothesis) => expand(hypothesis, step, { never, end, settings }));
    const chosen = settings.sample ? draw(read[0], settings, random) : likeliest(read, free);
    const grown = chosen.map(({ of, token }) => ({
      tokens: [...of.hypothesis.tokens, token],
      last: token,
      state: of.state,
      notes: [...of.hypothesis.notes, of.notes],
      parent: of.hypothesis,
      score: of.hypothesis.score + of.scores[token],
      ranking: of.hypothesis.ranking + of.allowed[token],
    }));
    growing = [];
    for (const hypothesis of grown) {
      const ended = hypothesis.last === end, stopped = hasStop(hypothesis.tokens, settings.stop, decode);
      if (ended || stopped || length >= limit) insert(finished, close(hypothesis, ended, ended || stopped, settings));
      else growing.push(hypothesis);
    }
    free -= grown.length - growing.length;
    yield { grown, growing, finished };
    if (isSettled(finished, growing, limit, settings)) return;
  }
}

/** What a hypothesis may go on with: `scores` under the network as it is, `allowed` with the rules. */
function expand(hypothesis, step, { never, end, settings }) {
  const { scores, state, notes } = step(hypothesis.last, hypothesis.state), { tokens } = hypothesis;
  const allowed = scores.slice();
  for (const token of never) allowed[token] = -Infinity;
  if (settings.repetition_penalty !== 1) {
    for (const token of new Set(tokens)) allowed[token] -= Math.log(settings.repetition_penalty);
  }
  for (const token of repeated(tokens, settings.no_repeat_ngram)) if (token !== end) allowed[token] = -Infinity;
  return { hypothesis, scores, allowed, state, notes };
}

/** The tokens that would end an n-gram for the second time. */
function repeated(tokens, size) {
  if (!size || tokens.length < size) return [];
  const newest = tokens.slice(tokens.length - size + 1), found = [];
  for (let at = size - 1; at < tokens.length; at++) {
    if (newest.every((token, i) => token === tokens[at - size + 1 + i])) found.push(tokens[at]);
  }
  return found;
}

/** The likeliest continuations of all hypotheses, as many as still grow, best first. */
function likeliest(read, count) {
  const best = [];
  for (const of of read) {
    of.allowed.forEach((score, token) => {
      const total = of.hypothesis.ranking + score;
      if (total === -Infinity || (best.length === count && total <= best[count - 1].total)) return;
      let at = best.length;
      while (at > 0 && best[at - 1].total < total) at--;
      best.splice(at, 0, { of, token, total });
      if (best.length > count) best.pop();
    });
  }
  return best;
}

/** One draw from what is likely: by temperature, then top-k, then top-p (Holtzman et al. 2020), then min-p. */
function draw(of, { temperature, top_k, top_p, min_p }, random) {
  let rest = Array.from(of.allowed, (score, token) => ({ token, odds: score / Math.max(temperature, 1e-6) }));
  rest = rest.filter(({ odds }) => odds > -Infinity).sort((a, b) => b.odds - a.odds || a.token - b.token);
  const highest = rest[0].odds;
  for (const entry of rest) entry.share = Math.exp(entry.odds - highest);
  if (temperature < 1e-6) rest = rest.slice(0, 1);
  if (top_k > 0) rest = rest.slice(0, top_k);
  if (top_p < 1) {
    const total = rest.reduce((sum, { share }) => sum + share, 0);
    let sum = 0;
    rest = rest.filter(({ share }) => (sum += share) - share < top_p * total);
  }
  rest = rest.filter(({ share }) => share >= min_p);
  let point = random() * rest.reduce((sum, { share }) => sum + share, 0);
  const { token } = rest.find(({ share }) => (point -= share) < 0) ?? rest.at(-1);
  return [{ of, token }];
}

function hasStop(tokens, stops, decode) {
  if (!stops.length) return false;
  const text = decode(tokens);
  return stops.some((stop) => text.includes(stop));
}

function close(hypothesis, ended, complete, { length_penalty }) {
  const length = hypothesis.tokens.length, tokens = ended ? hypothesis.tokens.slice(0, -1) : hypothesis.tokens;
  const normalised = hypothesis.ranking / length ** length_penalty;
  return { ...hypothesis, node: hypothesis, tokens, ended, complete, normalised };
}

/** Complete ones first, then by score; of equals the first to end. */
function insert(finished, hypothesis) {
  const before = ({ complete, normalised }) =>
    complete !== hypothesis.complete ? complete : normalised >= hypothesis.normalised;
  const at = finished.findIndex((other) => !before(other));
  finished.splice(at < 0 ? finished.length : at, 0, hypothesis);
}

/** Whether nothing that still grows can become better than the best: scores only fall. */
function isSettled(finished, growing, limit, { length_penalty, sample }) {
  if (!growing.length) return true;
  if (sample || !finished.length || !finished[0].complete) return false;
  const best = Math.max(...growing.map(({ ranking }) => ranking));
  return finished[0].normalised >= best / limit ** length_penalty;
}

/** A step of the search by a network's decoder. */
export function stepOf(decoder) {
  return (token, before) => {
    const { result, notes } = record(() => decoder.step(token, before));
    return { scores: logSoftmax(decoder.logits(result.output)), state: result.state, notes };
  };
}
