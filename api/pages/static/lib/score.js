/** A score as a bar of its parts, and the parts in words. */

import { h } from "./dom.js";
import { number, percent } from "./format.js";
import { named, t } from "./texts.js";

/** @typedef {{value: number, weight: number, measured?: number, ceiling?: number, unit?: string}} Part */

const ORDER = ["detour", "overlap", "time", "walk", "preferences", "price"];

/** @param {Record<string, Part>} parts @returns {[string, Part][]} */
const ordered = (parts) => Object.entries(parts).sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b));

/** Each part is as long as what it adds to the score. @param {number} score @param {Record<string, Part>} parts */
export function scoreBar(score, parts) {
  const text = ordered(parts)
    .map(([name, part]) => `${named("part", name)} ${percent(part.value)}`)
    .join(", ");
  const bar = h("span", {
    class: "score-bar",
    role: "img",
    "aria-label": t("score.label", { score: percent(score), parts: text }),
  });
  for (const [name, part] of ordered(parts)) {
    const piece = h("span", { class: `part part-${name}` });
    piece.style.width = `${part.value * part.weight * 100}%`;
    bar.append(piece);
  }
  return bar;
}

/** @param {Record<string, Part>} parts */
export function scoreTable(parts) {
  return h(
    "table",
    { class: "parts" },
    h("caption", { class: "visually-hidden" }, t("score.parts")),
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        h("th", { scope: "col" }, t("score.part")),
        h("th", { scope: "col", class: "num" }, t("score.value")),
        h("th", { scope: "col", class: "num" }, t("score.weight")),
      ),
    ),
    h(
      "tbody",
      null,
      ordered(parts).map(([name, part]) =>
        h(
          "tr",
          null,
          h("th", { scope: "row" }, h("span", { class: `swatch part-${name}` }), named("part", name)),
          h("td", { class: "num" }, number(part.value, 2)),
          h("td", { class: "num" }, percent(part.weight)),
        ),
      ),
    ),
  );
}
