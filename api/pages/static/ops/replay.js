/**
 * One search, made again as it could be answered now: its candidates, who was turned away and why, and how it was
 * ranked.
 */

import { call } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { clearFaults, field, formFault, showFaults, whileBusy } from "../lib/fields.js";
import { clock, dayAndClock, duration, localDay, momentAt, number, percent } from "../lib/format.js";
import { busyBox } from "../lib/notices.js";
import { PlaceField } from "../lib/places.js";
import { scoreBar, scoreTable } from "../lib/score.js";
import { named, t } from "../lib/texts.js";

/** Reasons by colour on the map; one that is not here is grey. @type {Record<string, string>} */
const COLOURS = {
  detour: "#c98a1b",
  detour_length: "#a0522d",
  outside_window: "#3d8ec9",
  no_seats: "#8a3ea8",
  preferences: "#c2517c",
};

export class Replay {
  /** @param {import("./demand.js").DemandMap} demand */
  constructor(demand) {
    this.demand = demand;
    this.id = h("input", { type: "text", autocomplete: "off", spellcheck: "false", maxlength: 64 });
    this.from = new PlaceField(t("place.from"), "/search/origin");
    this.to = new PlaceField(t("place.to"), "/search/destination");
    this.date = h("input", { type: "date", value: localDay(Date.now() + 86_400_000) });
    this.earliest = h("input", { type: "time", value: "07:00" });
    this.latest = h("input", { type: "time", value: "08:30" });
    this.walk = h("input", { type: "number", min: 0, max: 5000, step: 100, value: 600 });
    this.outcome = h("div", { class: "results", "aria-live": "polite" });
    this.byId = this.form(
      t("replay.by_id"),
      [field(t("replay.id"), this.id, { pointer: "/request_id", hint: t("replay.id_hint"), wide: true })],
      async () => {
        const id = this.id.value.trim();
        return id ? { request_id: id } : null;
      },
    );
    this.byHand = this.form(
      t("replay.by_hand"),
      [
        this.from.element,
        this.to.element,
        field(t("when.day"), this.date),
        field(t("when.from"), this.earliest, { pointer: "/search/departure" }),
        field(t("when.to"), this.latest),
        field(t("walk"), this.walk, { pointer: "/search/max_walk_m" }),
      ],
      async () => {
        const [origin, destination] = [await this.from.resolve(), await this.to.resolve()];
        if (!origin || !destination) return null;
        return {
          search: {
            origin: { lat: origin.lat, lon: origin.lon },
            destination: { lat: destination.lat, lon: destination.lon },
            departure: {
              earliest: momentAt(this.date.value, this.earliest.value),
              latest: momentAt(this.date.value, this.latest.value),
            },
            max_walk_m: Number(this.walk.value),
          },
        };
      },
    );
    this.element = h(
      "section",
      { class: "panel-card" },
      h("h2", null, t("replay")),
      h("p", { class: "fine" }, t("replay.words")),
      this.byId,
      this.byHand,
      this.outcome,
    );
  }

  /**
   * @param {string} title
   * @param {any[]} fields
   * @param {() => Promise<any>} read
   */
  form(title, fields, read) {
    const button = h("button", { type: "submit", class: "small" }, t("replay.do"));
    const form = h(
      "form",
      {
        class: "form",
        novalidate: true,
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          clearFaults(form);
          whileBusy(button, async () => {
            const body = await read();
            if (!body) return;
            fill(this.outcome, busyBox(t("replay.busy")));
            try {
              const { json } = await call("POST", "/v1/stats/replays", { body });
              this.show(json);
            } catch (error) {
              this.outcome.replaceChildren();
              showFaults(form, error);
            }
          });
        },
      },
      h("div", { class: "grid" }, fields),
      formFault(),
      h("div", { class: "actions" }, button),
    );
    return h("details", { class: "more", open: title === t("replay.by_id") }, h("summary", null, title), form);
  }

  /** @param {any} found */
  show(found) {
    const { asked, candidates, turned_away: away } = found;
    const clear = h("button", { type: "button", class: "quiet small", onclick: () => this.clear() }, t("replay.clear"));
    fill(
      this.outcome,
      h("p", { class: "strong" }, t("replay.found", { n: found.considered, fit: found.feasible })),
      asked.at &&
        h(
          "p",
          { class: "fine" },
          t("replay.then", { time: dayAndClock(asked.at), n: asked.considered, fit: asked.feasible }),
        ),
      asked.cells && h("p", { class: "fine" }, t("replay.cells")),
      h(
        "ol",
        { class: "rows" },
        candidates.map((/** @type {any} */ each, /** @type {number} */ rank) => candidate(each, rank + 1)),
      ),
      away.length > 0 && h("h3", null, t("chart.away")),
      h(
        "table",
        null,
        h("caption", { class: "visually-hidden" }, t("chart.away")),
        h(
          "tbody",
          null,
          away.map((/** @type {any} */ group) =>
            h(
              "tr",
              null,
              h("th", { scope: "row" }, swatch(group.reason), named("away", group.reason)),
              h("td", { class: "num" }, number(group.offers)),
            ),
          ),
        ),
      ),
      h("div", { class: "actions" }, clear),
    );
    this.draw(found);
  }

  /** @param {any} found */
  draw({ asked, candidates, turned_away: away }) {
    const map = this.demand.map;
    this.demand.busy = true;
    const cells = away.flatMap((/** @type {any} */ group) => {
      const most = Math.max(1, ...group.cells.map((/** @type {any} */ cell) => cell.offers));
      return group.cells.map((/** @type {any} */ cell) => ({
        ring: ring(cell.box),
        share: cell.offers / most,
        colour: COLOURS[group.reason] ?? "#6b7280",
        title: `${named("away", group.reason)}: ${cell.offers}`,
      }));
    });
    map.drawCells(cells);
    const lines = candidates.map((/** @type {any} */ each) => ({
      kind: each === candidates[0] ? "ride" : "other",
      points: [point(each.near_pickup), point(each.near_dropoff)],
    }));
    map.drawLines(lines.reverse());
    map.drawPins([
      { at: point(asked.origin), kind: "origin", text: "A" },
      { at: point(asked.destination), kind: "destination", text: "B" },
    ]);
    map.show([point(asked.origin), point(asked.destination), ...cells.flatMap((/** @type {any} */ cell) => cell.ring)]);
    map.element.scrollIntoView({ block: "nearest" });
  }

  clear() {
    this.outcome.replaceChildren();
    this.demand.busy = false;
    this.demand.draw();
  }
}

/** @param {any} each @param {number} rank */
function candidate(each, rank) {
  return h(
    "li",
    { class: "row", data: { offer: each.offer_id } },
    h(
      "div",
      { class: "row-head" },
      h("span", { class: "rank" }, rank),
      h(
        "span",
        { class: "times" },
        clock(each.near_pickup.time),
        h("span", { class: "arrow" }, "→"),
        clock(each.near_dropoff.time),
      ),
      h("span", { class: "grow" }),
      h("span", { class: "score" }, percent(each.score)),
    ),
    scoreBar(each.score, each.parts),
    h(
      "p",
      { class: "facts" },
      h("span", null, t("booking.detour", { time: duration(each.detour_min * 60) })),
      h("span", null, t("ride.seats", { n: each.seats_left })),
      h("code", null, each.offer_id),
    ),
    h("details", null, h("summary", null, t("score.why")), scoreTable(each.parts)),
  );
}

/** @param {string} reason */
function swatch(reason) {
  const key = h("span", { class: "swatch" });
  key.style.background = COLOURS[reason] ?? "#6b7280";
  return key;
}

/** @param {{lat: number, lon: number}} place @returns {[number, number]} */
const point = ({ lat, lon }) => [lon, lat];

/** @param {{south: number, west: number, north: number, east: number}} box @returns {[number, number][]} */
const ring = ({ south, west, north, east }) => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
];
