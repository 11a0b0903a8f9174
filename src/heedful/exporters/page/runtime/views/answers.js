// One network's part of the page: its answer as it grows, and what can be seen of how it came about.

import { element, percent } from "./elements.js";
import { gateMaps, selfMap, sourceMap } from "./notes.js";
import { tree } from "./tree.js";

const CLASSES = 5;

/** A step is drawn before the next one is made. */
const pause = () => new Promise((resolve) => setTimeout(resolve));

/** Brings one `.network` section to life. */
export class Answers {
  constructor(section, model) {
    this.model = model;
    this.name = section.querySelector("h2").textContent;
    [this.text, this.facts, this.views] = [".answer", ".facts-line", ".views"].map((part) => section.querySelector(part));
  }

  /** Answers an input until `signal` says stop; what it said in the end. */
  async answer(input, changes, signal) {
    const start = performance.now(), opened = this.model.open(input);
    return opened.classes ? this.tell(opened, start) : this.write(input, opened, changes, signal, start);
  }

  tell(opened, start) {
    const shown = opened.classes.slice(0, CLASSES);
    this.text.textContent = shown[0].name;
    this.facts.textContent = `${percent(shown[0].probability)} sure · ${Math.ceil(performance.now() - start)} ms`;
    const rows = shown.map(({ name, probability }) => {
      const bar = element("td", {}, element("meter", { min: 0, max: 1, value: probability, "aria-label": name }));
      return element("tr", {}, element("th", { scope: "row" }, name), element("td", { class: "n" }, percent(probability)), bar);
    });
    const table = element("table", {}, element("caption", { class: "spoken" }, "The likeliest classes"), element("tbody", {}, ...rows));
    this.show([table, ...gateMaps(opened.tokens, opened.notes, [], [], this.readsBackwards)]);
    return shown[0].name;
  }

  async write(input, opened, changes, signal, start) {
    const levels = [], width = this.model.settings(changes).sample ? 1 : this.model.settings(changes).beam;
    let best = null;
    for (const { grown, growing, finished } of this.model.write(input, opened, changes)) {
      levels.push(grown);
      best = growing.length && !finished.length ? growing[0] : finished[0];
      this.text.textContent = this.model.textOf(best.tokens);
      const milliseconds = Math.ceil(performance.now() - start);
      this.facts.textContent = `log probability ${best.score.toFixed(2)} · ${best.tokens.length} tokens · ${milliseconds} ms`;
      this.draw(opened, best, width > 1 ? levels : []);
      await pause();
      if (signal.aborted) return null;
    }
    if (!best.complete) this.facts.textContent += " · stopped at the greatest length";
    return this.text.textContent;
  }

  draw(opened, best, levels) {
    const { target, asking } = this.model, ended = best.ended ? [...best.tokens, asking.end] : best.tokens;
    const tokens = ended.map((id) => target.display(id)), { notes } = best;
    const map = asking.source ? sourceMap(opened.tokens, tokens, notes) : selfMap(opened.tokens, tokens, notes);
    const names = {
      nameOf: ({ last }) => (last === asking.end ? "□" : target.display(last)),
      textOf: (one) => this.model.textOf(one.tokens),
    };
    const beam = levels.length ? tree(levels, best, names) : null;
    this.show([map, beam, ...gateMaps(opened.tokens, opened.notes, tokens, notes, this.readsBackwards)]);
  }

  get readsBackwards() {
    return Boolean(this.model.description.network.encoder?.reverse);
  }

  /** Puts these figures where those of before stood, scrolled as those were. */
  show(figures) {
    const places = new Map([...this.views.querySelectorAll(".scroll")].map((one) => [one.ariaLabel, one.scrollLeft]));
    this.views.replaceChildren(...figures.filter(Boolean));
    for (const one of this.views.querySelectorAll(".scroll")) one.scrollLeft = places.get(one.ariaLabel) ?? 0;
  }
}
