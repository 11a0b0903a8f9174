// Elements of a page, whose texts are always texts.

/** An HTML element with attributes and children (elements or texts). */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same of a drawing. */
export function drawn(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** What people see of a token that would be invisible. */
export const visible = (token) => (token === "" ? "∅" : token.replaceAll(" ", "␣"));

/** A share in per cent. */
export const percent = (share) => `${Math.round(100 * share)} %`;
