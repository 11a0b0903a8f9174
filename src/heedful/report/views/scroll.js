// A box that scrolls is reached by the tab key, so that arrows move it; where all of it is seen it is no stop.

/** Watches one `.scroll` element, which is called by the last title above it. */
export function mountScroll(box) {
  if (box.hasAttribute("role")) return;
  const above = (title) => title.compareDocumentPosition(box) & Node.DOCUMENT_POSITION_FOLLOWING;
  const title = [...document.querySelectorAll("h1, h2, h3, summary")].filter(above).pop();
  new ResizeObserver(() => {
    const scrolls = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    const more = { tabindex: 0, role: "group", "aria-label": title?.textContent ?? "" };
    for (const [name, value] of Object.entries(more)) scrolls ? box.setAttribute(name, value) : box.removeAttribute(name);
  }).observe(box);
}
