// One network's part of the page: its answer as it grows, and what can be seen of how it came about.

import { element, percent } from "./elements.js";
import { gateMaps, selfMap, sourceMap } from "./notes.js";
import { tree } from "./tree.js";

const CLASSES = 5;

const SEEN = 50; // milliseconds after which what was made since is drawn
const SLOW = 400; // the same of a step that is to be watched

/** What was drawn is shown before the next step is made. */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

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
    const settings = this.model.settings(changes), levels = [];
    let best = null, drawn = start;
    const show = (waiting) => {
      this.say(input, best, performance.now() - start - waiting);
      this.draw(opened, best, settings.sample || settings.beam === 1 ? [] : levels);
    };
    let waiting = 0;
    for (const { grown, growing, finished } of this.model.write(input, opened, settings)) {
      levels.push(grown);
      best = growing.length && !finished.length ? growing[0] : finished[0];
      if (!settings.slowly && performance.now() - drawn < SEEN) continue;
      show(waiting);
      const before = performance.now();
      await pause(settings.slowly ? SLOW : 0);
      drawn = performance.now();
      waiting += settings.slowly ? drawn - before : 0;
      if (signal.aborted) return null;
    }
    show(waiting);
    if (!best.complete) this.facts.textContent += " · stopped at the greatest length";
    return this.model.textOf(best.tokens);
  }

  /** Writes the answer so far, behind the text that it goes on with. */
  say(input, best, milliseconds) {
    const before = this.model.asking.source ? [] : [element("span", { class: "muted" }, input)];
    this.text.replaceChildren(...before, this.model.textOf(best.tokens));
    const took = milliseconds < 1000 ? `${Math.ceil(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
    this.facts.textContent = `log probability ${best.score.toFixed(2).replace("-", "−")} · ${best.tokens.length} tokens · ${took}`;
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
