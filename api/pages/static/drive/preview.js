/**
 * What a trip would be, while it is typed: its route, its price, and how many riders it would fit. Nothing is
 * published.
 */

import { call } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { clock, distance, duration, number } from "../lib/format.js";
import { busyBox, wordsOf } from "../lib/notices.js";
import { t } from "../lib/texts.js";
import { decode } from "../map/polyline.js";
import { seenByRiders } from "./seen.js";

/** @typedef {import("../map/map.js").Pin} Pin */

export class Preview {
  /** @param {import("../map/map.js").RegionMap} map */
  constructor(map) {
    this.map = map;
    /** @type {(advice: any) => void} */
    this.onAdvice = () => {};
    /** @type {AbortController | null} */
    this.asking = null;
    this.element = h("section", { class: "preview", "aria-live": "polite" });
  }

  clear() {
    this.asking?.abort();
    this.element.replaceChildren();
    this.map.drawLines([]);
    this.map.drawPins([]);
    this.map.drawCells([]);
  }

  /**
   * @param {any} body
   * @param {boolean} isSeries
   * @param {(import("../lib/places.js").Place | null)[]} ends
   */
  async plan(body, isSeries, ends) {
    this.asking?.abort();
    const mine = new AbortController();
    this.asking = mine;
    if (!this.element.childElementCount) fill(this.element, busyBox(t("plan.busy")));
    try {
      const path = isSeries ? "/v1/series" : "/v1/offers";
      const { json } = await call("POST", path, { body, query: { dry_run: true }, signal: mine.signal });
      this.show(json, ends);
    } catch (error) {
      if (/** @type {any} */ (error).name === "AbortError") return;
      fill(this.element, h("p", { class: "box box-empty" }, wordsOf(error)));
    }
  }

  /** @param {any} plan @param {(import("../lib/places.js").Place | null)[]} ends */
  show(plan, ends) {
    const trip = plan.trip ?? plan;
    const would = plan.would_match;
    this.onAdvice(trip.price_advice ?? null);
    const route = decode(trip.polyline);
    this.map.drawLines([{ kind: "ride", points: route }]);
    this.map.drawPins(endPins(ends));
    this.map.drawCells(cellsOf(would.searches.groups));
    this.map.show(route);
    fill(
      this.element,
      h("h2", null, t("plan.title")),
      h(
        "p",
        { class: "facts" },
        h("span", null, t("plan.drive", { time: duration(trip.duration_s), d: distance(trip.distance_m) })),
        h("span", null, t("plan.arrives", { time: clock(trip.arrival) })),
        plan.trips !== undefined && h("span", null, t("plan.trips", { n: plan.trips })),
      ),
      seenByRiders(trip),
      h(
        "div",
        { class: "figures" },
        figure(would.waiting.fitting, t("plan.waiting", { n: would.waiting.fitting })),
        figure(would.searches.fitting, t("plan.searches", { n: would.searches.fitting, days: would.searches.days })),
      ),
      would.searches.hours.length > 0 && hours(would.searches.hours),
      h("p", { class: "fine" }, t("plan.privacy", { n: would.searches.least })),
    );
  }
}

/** @param {number} value @param {string} words */
const figure = (value, words) => h("p", { class: "figure" }, h("b", null, number(value)), h("span", null, words));

/** How many searched by the hour. @param {{hour: number, searches: number}[]} found */
function hours(found) {
  const most = Math.max(...found.map((each) => each.searches));
  const rows = found.map(({ hour, searches }) => {
    const bar = h("span", { class: "meter" });
    bar.style.width = `${(searches / most) * 100}%`;
    const from = `${String(hour).padStart(2, "0")}:00`;
    return h(
      "tr",
      null,
      h("th", { scope: "row" }, from),
      h("td", { class: "num" }, number(searches)),
      h("td", { class: "wide" }, bar),
    );
  });
  return h("table", { class: "bars" }, h("caption", { class: "caption" }, t("plan.hours")), h("tbody", null, rows));
}

/** Where they started, as cells. @param {any[]} groups @returns {import("../map/map.js").Cell[]} */
function cellsOf(groups) {
  const most = Math.max(1, ...groups.map((group) => group.searches));
  return groups.map((group) => ({
    ring: ringOf(group.origin),
    share: 0.6 * (group.searches / most),
    colour: "#3d8ec9",
    title: String(group.searches),
  }));
}

/**
 * @param {{south: number, west: number, north: number, east: number}} box
 * @returns {import("../map/polyline.js").Point[]}
 */
const ringOf = ({ south, west, north, east }) => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
];

/** @param {(import("../lib/places.js").Place | null)[]} ends @returns {Pin[]} */
function endPins(ends) {
  return ends.flatMap((place, index) =>
    place
      ? [
          {
            at: /** @type {[number, number]} */ ([place.lon, place.lat]),
            kind: index === 0 ? "origin" : "destination",
            text: index === 0 ? "A" : index === ends.length - 1 ? "B" : String(index),
            label: place.label,
          },
        ]
      : [],
  );
}
