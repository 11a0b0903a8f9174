// A beam tree to point at: a hypothesis lights all that it goes on from, and is said in words below.
// The page has drawn everything already. Works by pointer, by touch, and by keyboard: the arrows go along the steps.

/** Brings one `.beam-tree` element to life. What its nodes are called stands in their aria-label. */
export function mountTree(root) {
  const nodes = new Map([...root.querySelectorAll("[data-n]")].map((node) => [node.dataset.n, node]));
  const edges = new Map([...root.querySelectorAll("[data-e]")].map((edge) => [edge.dataset.e, edge]));
  const said = root.querySelector(".said");
  const first = said.textContent;

  function light(node) {
    clear();
    said.textContent = node.getAttribute("aria-label");
    for (let each = node; each; each = nodes.get(each.dataset.parent)) {
      each.classList.add("on");
      edges.get(each.dataset.n)?.classList.add("on");
    }
    root.classList.add("lit");
  }

  function clear() {
    root.classList.remove("lit");
    for (const element of root.querySelectorAll(".on")) element.classList.remove("on");
  }

  function leave() {
    clear();
    said.textContent = first;
  }

  // Drawn order is by score within a step, so the neighbours of a column are those above and below.
  const ways = {
    ArrowLeft: (node) => nodes.get(node.dataset.parent),
    ArrowRight: (node) => ranked((other) => other.dataset.parent === node.dataset.n)[0],
    ArrowUp: (node) => beside(node, -1),
    ArrowDown: (node) => beside(node, 1),
  };

  function beside(node, way) {
    const column = ranked((other) => other.dataset.step === node.dataset.step);
    return column[column.indexOf(node) + way];
  }

  function ranked(belongs) {
    return [...nodes.values()].filter(belongs).sort((a, b) => top(a) - top(b));
  }

  function top(node) {
    return Number(node.querySelector("rect").getAttribute("y"));
  }

  root.addEventListener("keydown", (event) => {
    const node = event.target.closest("[data-n]");
    const next = node && ways[event.key]?.(node);
    if (!next) return;
    event.preventDefault();
    node.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  for (const [kind, act] of [["pointerover", light], ["focusin", light], ["click", light]]) {
    root.addEventListener(kind, (event) => {
      const node = event.target.closest("[data-n]");
      if (node) act(node);
    });
  }
  root.addEventListener("pointerleave", leave);
  root.addEventListener("focusout", leave);
  root.classList.add("alive");
}
