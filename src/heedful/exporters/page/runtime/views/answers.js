// One network's part of the page: its answer as it grows, and what can be seen of how it came about.

import { choices, MEAN, sourceMap, textMap } from "./alignment.js";
import { element, percent } from "./elements.js";
import { gateMaps } from "./gates.js";
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
    const parts = [".answer", ".facts-line", ".views"];
    [this.text, this.facts, this.views] = parts.map((part) => section.querySelector(part));
  }

  /** Answers an input until `signal` says stop; what it said in the end. */
  async answer(input, changes, signal) {
    const start = performance.now(), opened = this.model.open(input);
    return opened.classes ? this.tell(opened, start) : this.write(input, opened, changes, signal, start);
  }

  tell(opened, start) {
    const shown = opened.classes.slice(0, CLASSES);
    this.text.textContent = shown[0].name;
    const facts = [`${percent(shown[0].probability)} sure`, tookOf(performance.now() - start), ...opened.remarks];
    this.facts.textContent = facts.join(" · ");
    this.show([classTable(shown), ...gateMaps(opened.tokens, opened.notes, [], [], this.readsBackwards)]);
    return shown[0].name;
  }

  async write(input, opened, changes, signal, start) {
    const settings = this.model.settings(changes), levels = [];
    let best = null, drawn = start;
    let waiting = 0;
    const show = (follow) => {
      this.say(input, best, performance.now() - start - waiting);
      this.draw(opened, best, settings.sample || settings.beam === 1 ? [] : levels, follow);
    };
    for (const { grown, growing, finished } of this.model.write(input, opened, settings)) {
      levels.push(grown);
      best = growing.length && !finished.length ? growing[0] : finished[0];
      if (!settings.slowly && performance.now() - drawn < SEEN) continue;
      show(true);
      const before = performance.now();
      await pause(settings.slowly ? SLOW : 0);
      drawn = performance.now();
      waiting += settings.slowly ? drawn - before : 0;
      if (signal.aborted) return null;
    }
    show(false);
    const remarks = best.complete ? opened.remarks : [...opened.remarks, "stopped at the greatest length"];
    this.facts.textContent = [this.facts.textContent, ...remarks].join(" · ");
    return this.model.textOf(best.tokens);
  }

  /** Writes the answer so far, behind the text that it goes on with. */
  say(input, best, milliseconds) {
    const before = this.model.asking.source ? [] : [element("span", { class: "prompt" }, input)];
    this.text.replaceChildren(...before, this.model.textOf(best.tokens));
    const score = best.score.toFixed(2).replace("-", "−");
    this.facts.textContent = `log probability ${score} · ${best.tokens.length} tokens · ${tookOf(milliseconds)}`;
  }

  /** Draws how an answer came about; `follow`: it still grows, and its newest steps are to be seen. */
  draw(opened, best, levels, follow) {
    const { target, asking } = this.model, ended = best.ended ? [...best.tokens, asking.end] : best.tokens;
    const tokens = ended.map((id) => target.display(id)), { notes } = best;
    this.redraw = () => this.draw(opened, best, levels, follow);
    this.offer(choices(notes[0], asking.source ? "source" : "text"));
    const map = (asking.source ? sourceMap : textMap)(opened.tokens, tokens, notes, this.chooser?.value ?? MEAN);
    const names = {
      nameOf: ({ last }) => (last === asking.end ? "□" : target.display(last)),
      textOf: (one) => this.model.textOf(one.tokens),
    };
    const beam = levels.length ? tree(levels, best, names) : null;
    this.show([map, beam, ...gateMaps(opened.tokens, opened.notes, tokens, notes, this.readsBackwards)], follow);
  }

  /** Lets one choose whose look is shown, where there are several heads. */
  offer(names) {
    if (this.chooser || names.length < 2) return;
    this.chooser = element("select", {}, ...names.map((name) => element("option", {}, name)));
    this.chooser.addEventListener("change", () => this.redraw());
    this.views.before(element("label", { class: "chooser" }, "Shown: ", this.chooser));
  }

  get readsBackwards() {
    return Boolean(this.model.description.network.encoder?.reverse);
  }

  /** Puts these figures where those of before stood, scrolled as those were. */
  show(figures, follow = false) {
    const places = new Map([...this.views.querySelectorAll(".scroll")].map((one) => [one.ariaLabel, one.scrollLeft]));
    this.views.replaceChildren(...figures.filter(Boolean));
    for (const one of this.views.querySelectorAll(".scroll")) {
      const isTree = one.querySelector(".tree");
      one.scrollLeft = isTree ? follow * one.scrollWidth : (places.get(one.ariaLabel) ?? 0);
    }
  }
}

/** Classes with their probabilities, as numbers and as bars. */
function classTable(classes) {
  const rows = classes.map(({ name, probability }) => {
    const bar = element("meter", { min: 0, max: 1, value: probability, "aria-label": name });
    const cells = [element("td", { class: "n" }, percent(probability)), element("td", {}, bar)];
    return element("tr", {}, element("th", { scope: "row" }, name), ...cells);
  });
  const caption = element("caption", { class: "spoken" }, "The likeliest classes");
  return element("table", {}, caption, element("tbody", {}, ...rows));
}

/** A time as people read it. */
function tookOf(milliseconds) {
  return milliseconds < 1000 ? `${Math.ceil(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
