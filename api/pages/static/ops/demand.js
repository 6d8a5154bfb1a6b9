/** Where riders asked and found nothing, on the map; the replay of a search is drawn on the same map. */

import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { field, select } from "../lib/fields.js";
import { number } from "../lib/format.js";
import { errorBox } from "../lib/notices.js";
import { t } from "../lib/texts.js";
import { RegionMap } from "../map/map.js";

export class DemandMap {
  /** @param {{region: string, bounds: number[]}} setup */
  constructor(setup) {
    this.asked = {};
    /** Whether something else is shown. */
    this.busy = false;
    /** Whether the map has been moved to where demand is. */
    this.placed = false;
    this.end = select(
      [
        ["origin", t("demand.origin")],
        ["destination", t("demand.destination")],
      ],
      "origin",
      { onchange: () => this.load(this.asked) },
    );
    this.words = h("p", { class: "fine", role: "status" });
    this.mapElement = h("div", { class: "map map-card", role: "region", "aria-label": t("demand") });
    this.element = h(
      "section",
      { class: "panel-card" },
      h(
        "div",
        { class: "card-head" },
        h("h2", null, t("demand")),
        h("span", { class: "grow" }),
        field(t("demand.end"), this.end),
      ),
      this.mapElement,
      this.words,
    );
    this.map = new RegionMap(this.mapElement, setup);
    this.map.onCell = (cell) => {
      this.words.textContent = cell.title;
    };
  }

  /** @param {any} asking */
  async load(asking) {
    this.asked = asking;
    try {
      const { from, to } = wholeHours(asking);
      this.found = await get("/v1/stats/demand", { from, to, end: this.end.value });
      if (!this.busy) this.draw();
    } catch (error) {
      fill(this.words, errorBox(error));
    }
  }

  draw() {
    const found = this.found;
    if (!found) return;
    const most = Math.max(1, ...found.features.map((/** @type {any} */ each) => each.properties.unmatched));
    this.map.drawLines([]);
    this.map.drawPins([]);
    this.map.drawCells(
      found.features.map((/** @type {any} */ each) => ({
        ring: each.geometry.coordinates[0],
        share: each.properties.unmatched / most,
        title: t("demand.cell", {
          n: each.properties.unmatched,
          asked: each.properties.asked,
        }),
      })),
    );
    const shown = found.features.reduce(
      (/** @type {number} */ sum, /** @type {any} */ each) => sum + each.properties.unmatched,
      0,
    );
    if (found.features.length && !this.placed) {
      // Once: what a person has moved to stays in view.
      this.placed = true;
      this.map.show(found.features.flatMap((/** @type {any} */ each) => each.geometry.coordinates[0]));
    }
    this.words.textContent =
      shown || found.hidden
        ? t("demand.words", { n: number(shown), hidden: number(found.hidden), least: found.least })
        : t("demand.none");
  }
}

/** The range of whole hours of UTC around another, as demand is counted. @param {{from: string, to: string}} range */
export function wholeHours({ from, to }) {
  const hour = 3_600_000;
  return {
    from: new Date(Math.floor(Date.parse(from) / hour) * hour).toISOString(),
    to: new Date(Math.ceil(Date.parse(to) / hour) * hour).toISOString(),
  };
}
