// An alignment to point at: an output lights what it looked at, a source token lights the outputs that looked at it.
// The page has drawn everything already; this only marks what is pointed at. Works by pointer, by touch and by keyboard.

/** Brings one `.alignment` element to life. Its JSON holds the maps: [map][target][source], the large one first. */
export function mount(root) {
  const maps = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const sources = [...root.querySelectorAll(".tokens [data-s]")];
  const targets = [...root.querySelectorAll(".tokens [data-t]")];

  function point(event) {
    const spot = event.target.closest("[data-t], [data-s]");
    clear();
    if (!spot) return;
    const weights = maps[Number(spot.closest("[data-map]")?.dataset.map ?? 0)];
    if (spot.dataset.t === undefined) lightOutputs(Number(spot.dataset.s), weights);
    else lightSources(Number(spot.dataset.t), weights);
  }

  function lightSources(t, weights) {
    targets[t].classList.add("on");
    sources.forEach((token, s) => token.style.setProperty("--weight", brightness(weights[t][s])));
    for (const row of root.querySelectorAll(`svg .row[data-t="${t}"]`)) {
      row.classList.add("on");
      row.closest("svg").classList.add("lit");
    }
  }

  function lightOutputs(s, weights) {
    sources[s].classList.add("on");
    targets.forEach((token, t) => token.style.setProperty("--weight", brightness(weights[t][s])));
    for (const label of root.querySelectorAll(`svg [data-column="${s}"]`)) label.classList.add("on");
  }

  // The eye takes the square root for even: 0.25 of all attention is half as bright as the whole.
  function brightness(weight) {
    return Math.sqrt(weight).toFixed(3);
  }

  function clear() {
    for (const token of [...sources, ...targets]) token.style.removeProperty("--weight");
    for (const element of root.querySelectorAll(".on, .lit")) element.classList.remove("on", "lit");
  }

  root.addEventListener("pointerover", point);
  root.addEventListener("focusin", point);
  root.addEventListener("pointerleave", clear);
  root.addEventListener("focusout", clear);
  root.classList.add("alive");
}
