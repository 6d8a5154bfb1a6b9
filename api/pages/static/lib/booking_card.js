/** A booking as either side sees it, with the moves that side may make now. */

import { fill, h } from "./dom.js";
import { whileBusy } from "./fields.js";
import { clock, day, dayAndClock, distance, duration, money } from "./format.js";
import { errorBox } from "./notices.js";
import { named, t } from "./texts.js";

/** @typedef {{onShow: () => void, onMove: (status: string, note: string) => Promise<void>}} Events */

/**
 * What the two sides may do: from state and side to the states that can be asked for.
 * @param {any} booking
 * @returns {string[]}
 */
function movesOf(booking) {
  const begun = Date.parse(booking.pickup.time) <= Date.now();
  if (booking.status === "WAITING_CONFIRMATION")
    return booking.side === "driver" ? ["CONFIRMED", "CANCELLED"] : ["CANCELLED"];
  if (booking.status === "CONFIRMED") return begun ? ["COMPLETED_PENDING_VALIDATION"] : ["CANCELLED"];
  if (booking.status === "COMPLETED_PENDING_VALIDATION" && booking.completed_by !== booking.side) return ["VALIDATED"];
  return [];
}

/** @param {any} booking @param {Events} events */
export function bookingCard(booking, events) {
  const trouble = h("div");
  const moves = h("div", { class: "actions" });
  const waiting = booking.status === "WAITING_CONFIRMATION";
  const other = booking.side === "driver" ? booking.rider_id : booking.driver_id;
  showMoves();
  return h(
    "article",
    {
      class: "card",
      tabindex: "-1",
      data: { booking: booking.id, status: booking.status },
      onpointerenter: events.onShow,
      onfocusin: events.onShow,
    },
    h(
      "p",
      { class: "card-head" },
      h(
        "span",
        { class: "times" },
        day(booking.pickup.time),
        " ",
        clock(booking.pickup.time),
        h("span", { class: "arrow", "aria-label": t("ride.to") }, "→"),
        clock(booking.dropoff.time),
      ),
      h("span", { class: "chip" }, t(`status.${booking.status}`)),
    ),
    h(
      "p",
      { class: "stops" },
      h("span", null, booking.pickup.label ?? t("booking.about")),
      h("span", null, booking.dropoff.label ?? t("booking.about")),
    ),
    h(
      "p",
      { class: "facts" },
      h("span", null, t("ride.for", { time: duration(booking.ride_s), d: distance(booking.ride_m) })),
      h("span", null, t("ride.people", { n: booking.seats })),
      booking.side === "driver" && h("span", null, t("booking.detour", { time: duration(booking.detour_s) })),
      booking.price && h("span", null, money(booking.price)),
      other && h("span", null, t(booking.side === "driver" ? "booking.rider" : "booking.driver", { name: other })),
    ),
    booking.note && h("p", { class: "said" }, h("b", null, t("booking.note")), " ", booking.note),
    booking.reply && h("p", { class: "said" }, h("b", null, t("booking.reply")), " ", booking.reply),
    booking.reason && h("p", { class: "fine" }, named("reason", booking.reason)),
    waiting &&
      booking.expires_at &&
      h("p", { class: "fine" }, t("booking.until", { time: dayAndClock(booking.expires_at) })),
    moves,
    trouble,
  );

  function showMoves() {
    fill(
      moves,
      movesOf(booking).map((status) => {
        const plain = status === "CONFIRMED" || status === "VALIDATED" || status === "COMPLETED_PENDING_VALIDATION";
        const words = t(
          status === "CANCELLED" && waiting && booking.side === "driver" ? "move.refuse" : `move.${status}`,
        );
        return h(
          "button",
          {
            type: "button",
            class: plain ? "small" : "quiet small",
            data: { move: status },
            onclick: (/** @type {any} */ event) => (plain ? move(event.currentTarget, status, "") : askWhy(status)),
          },
          words,
        );
      }),
    );
  }

  /** A word to the other side before a cancellation. @param {string} status */
  function askWhy(status) {
    const note = h("input", { type: "text", maxlength: 500, "aria-label": t("move.why"), placeholder: t("move.why") });
    const yes = h("button", { type: "submit", class: "danger small", data: { move: "sure" } }, t("move.sure"));
    fill(
      moves,
      h(
        "form",
        {
          class: "why-form",
          onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), move(yes, status, note.value.trim())),
        },
        note,
        yes,
        h("button", { type: "button", class: "quiet small", onclick: showMoves }, t("move.keep")),
      ),
    );
    note.focus();
  }

  /** @param {HTMLButtonElement} button @param {string} status @param {string} note */
  function move(button, status, note) {
    trouble.replaceChildren();
    whileBusy(button, async () => {
      try {
        await events.onMove(status, note);
      } catch (error) {
        fill(trouble, errorBox(error));
      }
    });
  }
}
