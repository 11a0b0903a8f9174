// Numbers between 0 and 1 as a table whose cells are the deeper the larger they are.

import { element, percent } from "./elements.js";

/** `values[row][column]`, undefined where there is none; `shades`: how deep each is. `caption` says what to see. */
export function heatmap({ title, rows, columns, values, shades = values, caption }) {
  const heads = columns.map((name) => element("th", { scope: "col" }, element("span", {}, name)));
  const body = rows.map((name, row) => {
    const cells = columns.map((_, column) => cell(values[row][column], shades[row][column]));
    return element("tr", {}, element("th", { scope: "row" }, name), ...cells);
  });
  const table = element("table", { class: "matrix many heat" },
    element("thead", {}, element("tr", {}, element("td"), ...heads)), element("tbody", {}, ...body));
  return element("figure", { class: "picture" }, element("h3", {}, title),
    element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": title }, table),
    element("figcaption", { class: "see" }, caption));
}

function cell(value, shade) {
  if (value === undefined) return element("td");
  return element("td", { style: `--share: ${shade.toFixed(3)}`, title: percent(value) });
}
