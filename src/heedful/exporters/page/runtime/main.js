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

/** Lets every network answer its own form of the input; what was under way is given up. */
async function answerAll(all, inputs) {
  running.abort();
  const { signal } = (running = new AbortController());
  state.textContent = "Answering …";
  const said = await Promise.all(all.map((one, number) => one.answer(inputs[number], changesOf(form), signal)));
  const answers = all.map(({ name }, number) => `${name}: ${said[number]}`).join("; ");
  if (!signal.aborted) state.replaceChildren("Answered.", element("span", { class: "spoken" }, ` ${answers}`));
}

/** What is set of a search beside the text; a number that is none is left to the run's settings. */
function changesOf({ elements }) {
  const numbers = [...elements].filter(({ type, value, validity }) => type === "number" && value && validity.valid);
  const pairs = numbers.map(({ name, valueAsNumber }) => [name, valueAsNumber]);
  return { ...Object.fromEntries(pairs), slowly: elements.slowly?.checked };
}

function askTexts(all) {
  const text = form.elements.text, asksAsTyped = form.dataset.typed === "yes";
  let timer = 0;
  const ask = () => (clearTimeout(timer), text.value ? answerAll(all, all.map(() => text.value)) : running.abort());
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
  const forms = all.map(({ model }) => model.asking.source), canvas = form.querySelector("canvas");
  const ask = async (file) => {
    try {
      const pixels = await Promise.all(forms.map((one) => readPicture(file, one)));
      showPicture(canvas, pixels[0], forms[0]);
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
