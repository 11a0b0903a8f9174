// The reader's guess: where each curve ends, before it is shown. The page has drawn everything already; this hides the
// curves until a guess is made, and then shows both. Without scripts nothing is hidden.

/** Brings one `.study` element to life. Its JSON holds the scale of the chart, and where each curve ends. */
export function mountGuess(root) {
  const { scale, log, curves } = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const form = root.querySelector("form");
  const drawing = root.querySelector("svg");
  const marks = curves.map(drawMark);

  function valueAt(share) {
    return log ? scale.low * (scale.high / scale.low) ** share : scale.low + share * (scale.high - scale.low);
  }

  function drawMark(curve, number) {
    const mark = document.createElementNS(drawing.namespaceURI, "g");
    mark.setAttribute("class", `guessed s${number % 8}`);
    const circle = mark.appendChild(document.createElementNS(drawing.namespaceURI, "circle"));
    circle.setAttribute("r", 8);
    const label = mark.appendChild(document.createElementNS(drawing.namespaceURI, "text"));
    label.setAttribute("text-anchor", "middle");
    label.setAttribute("y", 4);
    label.textContent = number + 1;
    drawing.append(mark);
    return mark;
  }

  function move() {
    form.querySelectorAll("label").forEach((label, number) => {
      const share = Number(label.querySelector("input").value);
      const text = format(valueAt(share));
      label.querySelector("output").textContent = text;
      label.querySelector("input").setAttribute("aria-valuetext", text);
      // neighbours stand side by side, so that equal guesses can be told apart
      const x = curves[number].place - 15 * (curves.length - 1 - number);
      marks[number].setAttribute("transform", `translate(${x} ${scale.start + share * (scale.end - scale.start)})`);
    });
  }

  function show(event) {
    event.preventDefault();
    root.classList.remove("guessing");
    form.querySelectorAll("input, button").forEach((control) => { control.disabled = true; });
    form.classList.add("done");
    const place = root.querySelector(".scored");
    place.append(scored());
    place.focus(); // the button is gone, and the keyboard goes on from here
  }

  function scored() {
    const table = document.createElement("table");
    addRow(table.createTHead(), ["at its end", "your guess", "measured"], "th");
    const body = table.createTBody();
    form.querySelectorAll("input").forEach((input, number) => {
      const { name, measured } = curves[number];
      addRow(body, [name, format(valueAt(Number(input.value))), format(measured)], "td");
    });
    return table;
  }

  function addRow(part, texts, kind) {
    const row = part.insertRow();
    texts.forEach((text, column) => {
      const cell = row.appendChild(document.createElement(column ? kind : "th"));
      cell.textContent = text;
      cell.className = column ? "n" : "";
    });
  }

  root.classList.add("alive", "guessing");
  form.addEventListener("input", move);
  form.addEventListener("submit", show);
  move();
}

/** A number in three digits. */
function format(value) {
  const plain = value === 0 || (Math.abs(value) >= 0.001 && Math.abs(value) < 1e7);
  return plain ? Number(value.toPrecision(3)).toLocaleString("en") : value.toExponential(1);
}
