// The page: what is typed or dropped is answered by all networks, side by side.

import { openModel } from "./models.js";
import { Answers } from "./views/answers.js";
import { element } from "./views/elements.js";
import { readPicture, showPicture } from "./views/picture.js";

const RESTING = 150; // milliseconds without a key after which what was typed is answered

const form = document.querySelector("form.ask"), state = document.querySelector("#state");
let running = new AbortController();

async function openAll() {
  const sections = [...document.querySelectorAll(".network")];
  return Promise.all(sections.map(async (section) => {
    const [description, blob] = [".description", ".weights"].map((part) => section.querySelector(part));
    const model = await openModel(JSON.parse(description.textContent), blob.textContent);
    blob.remove();
    return new Answers(section, model);
  }));
}

/** Lets every network answer; what was under way is given up. */
async function answerAll(all, input) {
  running.abort();
  const { signal } = (running = new AbortController());
  state.textContent = "Answering …";
  const said = await Promise.all(all.map((one) => one.answer(input, changesOf(form), signal)));
  const answers = all.map(({ name }, number) => `${name}: ${said[number]}`).join("; ");
  if (!signal.aborted) state.replaceChildren("Answered.", element("span", { class: "spoken" }, ` ${answers}`));
}

/** What is set of a search beside the text; a number that is none is left to the run's settings. */
function changesOf({ elements }) {
  const numbers = [...elements].filter(({ type, valueAsNumber }) => type === "number" && valueAsNumber >= 0);
  return Object.fromEntries([...numbers.map(({ name, valueAsNumber }) => [name, valueAsNumber]), ["slowly", elements.slowly?.checked]]);
}

function askTexts(all) {
  const text = form.elements.text, asksAsTyped = form.dataset.typed === "yes";
  let timer = 0;
  const ask = () => (clearTimeout(timer), text.value ? answerAll(all, text.value) : running.abort());
  form.addEventListener("submit", (event) => (event.preventDefault(), ask()));
  form.elements.stop?.addEventListener("click", () => {
    running.abort();
    state.textContent = "Stopped.";
  });
  if (!asksAsTyped) return;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, RESTING);
  });
}

function askPictures(all) {
  const [{ model }] = all, canvas = form.querySelector("canvas");
  const ask = async (file) => {
    try {
      const pixels = await readPicture(file, model.asking.source);
      showPicture(canvas, pixels, model.asking.source);
      await answerAll(all, pixels);
    } catch {
      state.textContent = `${file.name} is no picture that this browser can read.`;
    }
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.picture.addEventListener("change", ({ target }) => target.files.length && ask(target.files[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) ask(event.dataTransfer.files[0]);
  });
}

const everyone = await openAll();
(form.elements.picture ? askPictures : askTexts)(everyone);
form.querySelector("fieldset").disabled = false;
state.textContent = "Ready.";
form.elements.text?.focus();
