// Vectors as strips of small bars, up where a number is positive and down where it is negative; and numbers as text.

const DIALS = 8; // pairs of numbers that are seen to rotate

/** Named strips below each other, each by its own tallest number unless they share one. */
export function lines(rows, group = "", shared = false) {
  const tall = shared ? height(rows.map(([, values]) => values)) : 0;
  const line = ([name, values]) => [make("span", { className: "muted" }, name), strip(values, tall || height([values]), group)];
  return make("div", { className: "lines" }, ...rows.flatMap(line));
}

/** A strip of numbers: each a bar, up where it is positive, down where it is negative. */
export function strip(values, tallest, group = "", weight = 1) {
  const count = values.length;
  const bar = (value, at) => `M${at + 0.12},1v${((-0.96 * value) / tallest).toFixed(3)}h.76V1z`;
  const bars = (sign) => values.map((value, at) => (value * sign > 0 ? bar(value, at) : "")).join("");
  const made = make("div", { className: "strip" });
  if (group) made.dataset.group = group;
  made.dataset.count = count;
  made.innerHTML = `<svg viewBox="0 0 ${count} 2" preserveAspectRatio="none" aria-hidden="true">` +
    (group ? '<rect class="cursor" width="1" height="2"/>' : "") +
    `<line x2="${count}" y1="1" y2="1"/><path class="up" d="${bars(1)}"/><path class="down" d="${bars(-1)}"/></svg>`;
  made.style.setProperty("--strength", (0.25 + 0.75 * Math.sqrt(weight)).toFixed(3));
  return made;
}

/** The largest number of some rows, without its sign. */
export function height(rows) {
  return Math.max(1e-30, ...rows.map((row) => Math.max(...row.map(Math.abs))));
}

/** Pairs of numbers (i, i + E / 2) as hands of clocks, all of one length, before and after they were rotated. */
export function dials(title, before, after, angles) {
  const half = angles.length, count = Math.min(DIALS, half);
  const hand = (vector, at, kind) => {
    const length = Math.hypot(vector[at], vector[at + half]) || 1;
    const [x, y] = [vector[at], -vector[at + half]].map((value) => ((17 * value) / length).toFixed(2));
    return `<line class="${kind}" x2="${x}" y2="${y}"/>`;
  };
  const faces = Array.from({ length: count }, (_, at) => {
    const face = make("figure", {});
    const hands = hand(before, at, "before") + hand(after, at, "after");
    face.innerHTML = `<svg viewBox="-20 -20 40 40" width="40" height="40" aria-hidden="true"><circle r="19"/>${hands}</svg>`;
    face.append(make("figcaption", { textContent: `${Math.round((angles[at] * 180) / Math.PI)}°`.replace("-", "−") }));
    return face;
  });
  const name = count < half ? `${title}, ${count} of ${half} pairs` : title;
  return make("div", { className: "dials" }, make("span", { className: "muted", textContent: name }), ...faces);
}

/** A number with as many decimals as its size calls for. */
export function format(value) {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 0.1 || size === 0 ? 2 : 3;
  return (size < 0.0005 ? 0 : value).toFixed(digits).replace("-", "−");
}

/** A number within a product or a sum: in brackets where it has a sign of its own. */
export function factor(value) {
  return value < 0 ? `(${format(value)})` : format(value);
}

/** A share of 1. */
export function share(value) {
  return value.toFixed(3);
}

/** A unit's name as it stands among others. */
export function named(name) {
  return make("bdi", { className: "token", textContent: name });
}

/** An element with properties and children. */
export function make(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
