/** The answer to a search: matches best first, why others were turned away, and what would help. */

import { post } from "../lib/api.js";
import { add, fill, h } from "../lib/dom.js";
import { whileBusy } from "../lib/fields.js";
import { clock, co2, distance, duration, money, number, percent } from "../lib/format.js";
import { emptyBox, errorBox, toast } from "../lib/notices.js";
import { scoreBar, scoreTable } from "../lib/score.js";
import { named, t } from "../lib/texts.js";

/**
 * @typedef {{body: any, ends: import("./draw.js").Ends,
 *   onShow: (match: any) => void, onHint: (hint: any) => Promise<void>,
 *   onAsked: (booking: any) => void, onKept: () => void}} Events
 */

export class Results {
  /** @param {any} answer @param {Events} events */
  constructor(answer, events) {
    this.events = events;
    /** @type {HTMLElement | null} */
    this.shown = null;
    const found = answer.matches.length;
    const rows = answer.matches.map((/** @type {any} */ match, /** @type {number} */ rank) =>
      this.row(match, rank + 1),
    );
    this.element = h(
      "div",
      { class: "results" },
      h("h2", { tabindex: "-1" }, found ? t("found", { n: found }) : t("found.none")),
      found
        ? h("ol", { class: "rows" }, rows)
        : emptyBox(t("found.none_title"), answer.hints.length ? t("found.none_hints") : t("found.none_advice")),
      answer.hints.length > 0 && this.hints(answer.hints),
      events.body && this.keep(),
      this.account(answer),
    );
    if (found) this.show(rows[0], answer.matches[0]);
  }

  /** @param {HTMLElement} row @param {any} match */
  show(row, match) {
    this.shown?.classList.remove("shown");
    this.shown = row;
    row.classList.add("shown");
    this.events.onShow(match);
  }

  /** @param {any} match @param {number} rank */
  row(match, rank) {
    const { pickup, dropoff } = match;
    const { ends } = this.events;
    const walks = pickup.walk_m + dropoff.walk_m;
    const asking = h("div", { class: "asking" });
    const ask = h(
      "button",
      { type: "button", class: "small", onclick: () => this.ask(asking, match, ask) },
      t("ask.do"),
    );
    const facts = [
      t("ride.for", { time: duration(match.ride_s), d: distance(match.ride_m) }),
      walks > 0 ? t("ride.walk", { d: distance(walks) }) : t("ride.door"),
      t("ride.seats", { n: match.seats_left }),
    ];
    const row = h(
      "li",
      {
        class: "row",
        data: { offer: match.offer_id },
        onpointerenter: () => this.show(row, match),
        onfocusin: () => this.shown !== row && this.show(row, match),
      },
      h(
        "div",
        { class: "row-head" },
        h("span", { class: "rank" }, rank),
        h(
          "span",
          { class: "times" },
          clock(pickup.time),
          h("span", { class: "arrow", "aria-label": t("ride.to") }, "→"),
          clock(dropoff.time),
        ),
        h("span", { class: "grow" }),
        match.price && h("span", { class: "price" }, money(match.price)),
        h("span", { class: "score", title: t("score") }, percent(match.score)),
      ),
      scoreBar(match.score, match.parts),
      h(
        "p",
        { class: "stops" },
        h("span", null, at(pickup, ends.origin)),
        h("span", null, at(dropoff, ends.destination)),
      ),
      h(
        "p",
        { class: "facts" },
        facts.map((fact) => h("span", null, fact)),
      ),
      h(
        "div",
        { class: "actions" },
        ask,
        h(
          "details",
          { class: "why" },
          h("summary", null, t("score.why")),
          scoreTable(match.parts),
          h(
            "p",
            { class: "fine" },
            t("score.detour", {
              time: duration(match.detour_s),
              share: percent(match.overlap),
              co2: co2(match.co2_saved_g),
            }),
          ),
        ),
      ),
      asking,
    );
    return row;
  }

  /**
   * The word to the driver, and then the asking itself.
   * @param {HTMLElement} place
   * @param {any} match
   * @param {HTMLButtonElement} opener
   */
  ask(place, match, opener) {
    opener.hidden = true;
    const note = h("textarea", { rows: 2, maxlength: 500, "aria-label": t("ask.note"), placeholder: t("ask.note") });
    const trouble = h("div");
    const send = h("button", { type: "submit", class: "small" }, t("ask.send"));
    const close = () => {
      place.replaceChildren();
      opener.hidden = false;
      opener.focus();
    };
    const form = h(
      "form",
      {
        class: "stack",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          trouble.replaceChildren();
          whileBusy(send, async () => {
            try {
              const booking = await post("/v1/bookings", { match_id: match.match_id, note: note.value.trim() });
              toast(booking.status === "CONFIRMED" ? t("ask.at_once") : t("ask.sent"));
              this.events.onAsked(booking);
              close();
            } catch (error) {
              fill(trouble, errorBox(error));
            }
          });
        },
        onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && close(),
      },
      note,
      trouble,
      h(
        "div",
        { class: "actions" },
        send,
        h("button", { type: "button", class: "quiet small", onclick: close }, t("do.cancel")),
      ),
    );
    fill(place, form);
    note.focus();
  }

  /** @param {any[]} hints */
  hints(hints) {
    const buttons = hints.map((hint) =>
      h(
        "button",
        {
          type: "button",
          class: "hint-button",
          data: { hint: hint.code },
          onclick: (/** @type {any} */ event) => whileBusy(event.currentTarget, () => this.events.onHint(hint)),
        },
        wordsOfHint(hint),
      ),
    );
    return h("section", { class: "hints" }, h("h3", null, t("hints")), buttons);
  }

  /** Offers to wait for offers to come. */
  keep() {
    const trouble = h("div");
    const button = h(
      "button",
      {
        type: "button",
        class: "quiet small",
        onclick: () =>
          whileBusy(button, async () => {
            try {
              trouble.replaceChildren();
              await post("/v1/requests", this.events.body);
              toast(t("keep.done"));
              this.events.onKept();
            } catch (error) {
              fill(trouble, errorBox(error));
            }
          }),
      },
      t("keep.do"),
    );
    return h("section", { class: "keep" }, h("p", null, t("keep.advice")), button, trouble);
  }

  /** @param {any} answer */
  account(answer) {
    const reasons = Object.entries(answer.turned_away).sort(([, a], [, b]) => Number(b) - Number(a));
    const most = Math.max(1, ...reasons.map(([, count]) => Number(count)));
    const details = h(
      "details",
      { class: "account" },
      h("summary", null, t("away", { n: answer.considered, fit: answer.feasible })),
    );
    if (reasons.length) {
      const rows = reasons.map(([reason, count]) => {
        const bar = h("span", { class: "meter" });
        bar.style.width = `${(Number(count) / most) * 100}%`;
        return h(
          "tr",
          null,
          h("th", { scope: "row" }, named("away", reason)),
          h("td", { class: "num" }, number(Number(count))),
          h("td", { class: "wide" }, bar),
        );
      });
      add(details, [
        h(
          "table",
          { class: "bars" },
          h("caption", { class: "visually-hidden" }, t("away.caption")),
          h("tbody", null, rows),
        ),
      ]);
    }
    add(details, [h("p", { class: "fine" }, t("away.took", { ms: number(answer.took_ms, 1) }))]);
    return details;
  }
}

/** @param {any} hint */
function wordsOfHint({ code, would_match: n, amount = 0, detail }) {
  if (code === "widen_window") return t("hint.widen_window", { n, time: duration(amount) });
  if (code === "fewer_seats") return t("hint.fewer_seats", { n, seats: amount });
  if (code === "walk_more") return t("hint.walk_more", { n, d: distance(amount) });
  if (code === "nearest_miss") return t("hint.nearest_miss", { time: duration(Math.max(60, amount)) });
  return detail;
}

/**
 * What a stop is called: at the rider's own door as the rider has chosen it.
 * @param {any} stop
 * @param {import("./draw.js").Spot | null} door
 */
const at = (stop, door) => (stop.walk_m === 0 && door?.label ? door.label : stop.label);
