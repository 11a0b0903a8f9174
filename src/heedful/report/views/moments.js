// The time machine: a few answers through all of a training, with a slider beside the learning curve.
// A byte a weight for each moment, on one scale for all of them, so that what grows darker did grow. Works by keyboard.

/** Brings one `.moments` element to life. */
export async function mountMoments(root) {
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const weights = await unpackMoments(data);
  const slider = root.querySelector("input");
  const told = root.querySelector("output");
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim() || "#000";
  const paper = getComputedStyle(document.documentElement).getPropertyValue("--paper").trim() || "#fff";
  const dots = drawMomentCurve(root.querySelector(".curve"), data, (at) => show((slider.value = at)));
  const cards = data.examples.map((example) => drawWatched(root.querySelector(".watched"), example));
  slider.max = data.steps.length - 1;
  slider.value = slider.max;
  slider.addEventListener("input", () => show(Number(slider.value)));
  root.querySelector("button").addEventListener("click", play);
  await Promise.all(cards.map((card) => card.picture?.decode?.().catch(() => {})));
  show(Number(slider.value));
  root.classList.add("alive");

  function show(at) {
    const said = data.said[at] ? `, ${data.measure} ${data.said[at]}` : "";
    told.textContent = `step ${data.steps[at].toLocaleString("en")}${said}`;
    slider.setAttribute("aria-valuetext", told.textContent);
    dots.forEach((dot, number) => dot.classList.toggle("on", number === at));
    data.examples.forEach((example, number) => {
      const { answer, drawing, canvases, picture } = cards[number];
      answer.textContent = example.pictures.length ? "" : example.answers[at];
      answer.classList.toggle("good", example.correct[at]);
      if (example.correct[at]) answer.append(" ✓");
      if (drawing) drawing.src = example.pictures[at];
      canvases.forEach((canvas, map) => paint(canvas, example.maps[map], weights[at][number][map], picture));
    });
  }

  // from the beginning, or from where it stands; a second click stops it
  let timer = 0;
  function play(event) {
    clearInterval(timer);
    event.target.textContent = timer ? "play" : "stop";
    if (timer) return (timer = 0);
    if (slider.value === slider.max) slider.value = 0;
    show(Number(slider.value));
    timer = setInterval(() => {
      if (slider.value === slider.max) return play(event);
      slider.value = Number(slider.value) + 1;
      show(Number(slider.value));
    }, 600);
  }

  // the eye takes the square root for even; gates are shown as they are
  function paint(canvas, map, bytes, picture) {
    const context = canvas.getContext("2d");
    context.globalAlpha = 1;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (map.grid) return paintGrids(context, map, bytes, picture);
    const cell = Number(canvas.dataset.cell), line = Number(canvas.dataset.line);
    context.fillStyle = ink;
    bytes.forEach((byte, place) => {
      context.globalAlpha = map.gates ? byte / 255 : Math.sqrt(byte / 255);
      context.fillRect((place % map.width) * cell, Math.floor(place / map.width) * line, cell, line);
    });
  }

  // the picture once for each answer, side by side; patches that got little of the answer's most are veiled
  function paintGrids(context, map, bytes, picture) {
    const side = GRID_SIDE, [down, across] = map.grid;
    for (let row = 0; row < map.height; row += 1) {
      const patches = bytes.subarray(row * map.width + map.lead, (row + 1) * map.width);
      const most = Math.max(1, ...patches);
      const left = (row % GRIDS_A_ROW) * (side + GRID_GAP), top = Math.floor(row / GRIDS_A_ROW) * GRID_LINE;
      context.globalAlpha = 1;
      if (picture) context.drawImage(picture, left, top, side, side);
      context.fillStyle = paper;
      patches.forEach((byte, place) => {
        context.globalAlpha = 0.85 * (1 - byte / most);
        const x = Math.round(((place % across) * side) / across), y = Math.round((Math.floor(place / across) * side) / down);
        context.fillRect(left + x, top + y, Math.ceil(side / across), Math.ceil(side / down));
      });
      context.globalAlpha = 1;
      context.fillStyle = ink;
      context.font = "12px system-ui, sans-serif";
      context.fillText(map.rows[row] ?? "", left, top + side + 13, side);
    }
  }
}

const GRID_SIDE = 72, GRID_GAP = 8, GRID_LINE = 90, GRIDS_A_ROW = 4;

/** The weights [moment][example][map] as bytes. */
async function unpackMoments(data) {
  const packed = Uint8Array.from(atob(data.packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let at = 0;
  return data.steps.map(() => data.examples.map(({ maps }) => maps.map((map) => bytes.subarray(at, (at += map.width * map.height)))));
}

/** The validation's measure at each moment, over the slider: a dot a stop. Returns the dots. */
function drawMomentCurve(box, data, choose) {
  const known = data.scores.filter((score) => score !== null);
  if (!known.length) return [];
  const low = Math.min(...known), high = Math.max(...known), last = Math.max(1, data.steps.length - 1);
  const place = (at) => [8 + (584 * at) / last, 70 - (60 * (data.scores[at] - low)) / (high - low || 1)];
  const svg = box.querySelector("svg");
  const momentElement = (name, attributes) => {
    const made = document.createElementNS(svg.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const stops = data.steps.map((_, at) => at).filter((at) => data.scores[at] !== null);
  svg.append(momentElement("polyline", { class: "line", points: stops.map((at) => place(at).join(",")).join(" ") }));
  const dots = data.steps.map((step, at) => {
    const [x, y] = data.scores[at] === null ? [place(at)[0], 70] : place(at);
    const dot = momentElement("circle", { class: "mark", cx: x, cy: y, r: 4 });
    const title = momentElement("title", {});
    title.textContent = `step ${step.toLocaleString("en")}: ${data.said[at]}`;
    dot.append(title);
    dot.addEventListener("click", () => choose(at));
    return dot;
  });
  svg.append(...dots);
  return dots;
}

/** One example: what was asked and is right, what was answered, and its maps. */
function drawWatched(box, example) {
  const card = document.createElement("article");
  const head = document.createElement("h3");
  const answer = document.createElement("bdi");
  const said = document.createElement("p");
  let picture, drawing;
  if (example.picture) head.append((picture = Object.assign(new Image(), { src: example.picture, alt: "what was asked" })));
  if (example.question) head.append(Object.assign(document.createElement("bdi"), { textContent: example.question }));
  said.append("answered: ", answer);
  if (example.pictures.length) said.append((drawing = Object.assign(new Image(), { alt: "what was drawn" })));
  if (example.right) {
    const right = Object.assign(document.createElement("bdi"), { textContent: example.right });
    const line = Object.assign(document.createElement("p"), { className: "muted" });
    line.append("right: ", right);
    said.after(line);
    card.append(head, line, said);
  } else card.append(head, said);
  const maps = document.createElement("div");
  maps.className = "maps-of";
  card.append(maps);
  box.append(card);
  return { answer, drawing, picture, canvases: example.maps.map((map, number) => drawFrame(maps, map, number)) };
}

/** The frame of one map, the first one large and between the names of its units. Returns its canvas. */
function drawFrame(box, map, number) {
  const figure = document.createElement("figure");
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", map.label);
  if (map.grid) {
    canvas.width = GRIDS_A_ROW * (GRID_SIDE + GRID_GAP);
    canvas.height = Math.ceil(map.height / GRIDS_A_ROW) * GRID_LINE;
  } else {
    const [most, least, room] = number === 0 ? [20, 4, 280] : [12, map.gates ? 12 : 1, 200];
    canvas.dataset.cell = Math.max(1, Math.min(most, Math.floor(room / map.width)));
    canvas.dataset.line = Math.max(least, canvas.dataset.cell); // gates are few: their lines stay thick
    canvas.width = map.width * canvas.dataset.cell;
    canvas.height = map.height * canvas.dataset.line;
  }
  const named = !map.grid && (number === 0 || map.gates) && map.rows.length > 0;
  figure.append(named ? frameWithNames(canvas, map, number === 0) : canvas);
  figure.append(Object.assign(document.createElement("figcaption"), { textContent: map.label }));
  box.append(figure);
  return canvas;
}

function frameWithNames(canvas, map, both) {
  const box = Object.assign(document.createElement("div"), { className: "named-cells", tabIndex: 0, role: "group", ariaLabel: map.label });
  box.style.setProperty("--cell", `${both ? canvas.dataset.cell : canvas.dataset.line}px`);
  for (const [side, names] of both ? [["columns", map.columns], ["rows", map.rows]] : [["rows", map.rows]]) {
    const line = Object.assign(document.createElement("div"), { className: side, ariaHidden: "true" });
    line.append(...names.map((name) => Object.assign(document.createElement("bdi"), { textContent: name })));
    box.append(line);
  }
  box.append(canvas);
  return box;
}
