// A beam as a tree: a column for each token, a line from each hypothesis to the one that it went on from.

import { drawn, element, visible } from "./elements.js";

const WIDE = 66, HIGH = 26, BOX = 52, NEWEST = 24;
const CAPTION = "A column for each step, the likeliest hypothesis on top. The way to the best one so far stands out; "
  + "□ ends an answer.";

/** `levels`: the hypotheses of each step, best first. Those from which `best` has grown stand out. */
export function tree(levels, best, { nameOf, textOf }) {
  const shown = levels.slice(-NEWEST).map((level) => level.map(nodeOf)), lit = new Set(), places = new Map();
  for (let one = nodeOf(best); one; one = one.parent) lit.add(one);
  shown.forEach((level, column) => {
    level.forEach((one, row) => places.set(one, { x: 4 + column * WIDE, y: 4 + row * HIGH }));
  });
  const nodes = [...places].map(([one, place]) => {
    const title = drawn("title", {}, `${textOf(one)}  (log probability ${one.score.toFixed(2)})`);
    const parts = [line(places.get(one.parent), place), ...box(nameOf(one), place), title];
    return drawn("g", { class: lit.has(one) ? "node on" : "node" }, ...parts.filter(Boolean));
  });
  const size = { width: shown.length * WIDE + 8, height: Math.max(...shown.map((level) => level.length)) * HIGH + 8 };
  const about = { class: "tree", role: "img", "aria-label": `The beam after step ${levels.length}` };
  const drawing = drawn("svg", { ...size, ...about }, ...nodes);
  return element("figure", { class: "picture" }, element("h3", {}, "The beam"),
    element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "The beam" }, drawing),
    element("figcaption", { class: "see" }, CAPTION));
}

/** What has ended, or goes on behind an earlier stretch, is a copy of what grew. */
const nodeOf = (hypothesis) => hypothesis.node ?? hypothesis;

function line(from, to) {
  if (!from) return null;
  const [x, y, end] = [from.x + BOX, from.y + 11, to.y + 11];
  return drawn("path", { class: "way", d: `M${x} ${y} C${x + 9} ${y} ${to.x - 9} ${end} ${to.x} ${end}` });
}

function box(name, { x, y }) {
  const short = name.length > 6 ? `${name.slice(0, 5)}…` : name;
  const label = drawn("text", { x: x + BOX / 2, y: y + 15, "text-anchor": "middle" }, visible(short));
  return [drawn("rect", { x, y, width: BOX, height: 21, rx: 4 }), label];
}
