/** A rider's bookings and the searches that wait for offers, kept up to date by the event stream. */

import { get, patch, remove } from "../lib/api.js";
import { bookingCard } from "../lib/booking_card.js";
import { fill, h } from "../lib/dom.js";
import { whileBusy } from "../lib/fields.js";
import { clock, day } from "../lib/format.js";
import { busyBox, emptyBox, errorBox, toast } from "../lib/notices.js";
import { t } from "../lib/texts.js";
import { drawBooking } from "./draw.js";

const OVER = new Set(["CANCELLED", "VALIDATED"]);

export class MyRides {
  /**
   * @param {import("../map/map.js").RegionMap} map
   * @param {{onCount: (count: number) => void, onSearch: (request: any) => void}} events
   */
  constructor(map, events) {
    this.map = map;
    this.events = events;
    /** @type {Map<string, any>} */
    this.bookings = new Map();
    /** @type {any[]} */
    this.requests = [];
    /** @type {Map<string, number>} */
    this.fresh = new Map();
    this.list = h("div", { class: "cards" });
    this.element = h("section", null, h("h1", null, t("tab.rides")), this.list);
  }

  async load() {
    if (!this.bookings.size && !this.requests.length) fill(this.list, busyBox(t("state.loading")));
    try {
      const [booked, waiting] = await Promise.all([
        get("/v1/bookings", { limit: 50 }),
        get("/v1/requests", { limit: 50 }),
      ]);
      this.bookings = new Map(booked.bookings.map((/** @type {any} */ booking) => [booking.id, booking]));
      this.requests = waiting.requests.filter((/** @type {any} */ request) => request.status === "WAITING");
      this.draw();
    } catch (error) {
      fill(
        this.list,
        errorBox(error, () => this.load()),
      );
    }
  }

  /** @param {any} booking */
  put(booking) {
    this.bookings.set(booking.id, booking);
    this.draw();
  }

  /** @param {string} id */
  reveal(id) {
    const card = /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-booking="${id}"]`));
    card?.scrollIntoView({ block: "nearest" });
    card?.focus();
  }

  /** An event of one's own, or null when everything has to be read again. @param {any} event */
  async happened(event) {
    if (!event) {
      await this.load();
      return;
    }
    if (event.type === "match_found") {
      const id = event.data.request_id;
      this.fresh.set(id, (this.fresh.get(id) ?? 0) + 1);
      toast(t("event.match_found"));
      this.draw();
      return;
    }
    const id = event.data?.booking_id;
    if (!id) {
      await this.load();
      return;
    }
    try {
      const before = this.bookings.get(id)?.status;
      const booking = await get(`/v1/bookings/${id}`);
      this.put(booking);
      if (booking.status !== before) toast(t(`event.rider.${booking.status}`));
    } catch {
      await this.load();
    }
  }

  draw() {
    const all = [...this.bookings.values()];
    const current = all
      .filter((booking) => !OVER.has(booking.status))
      .sort((a, b) => a.pickup.time.localeCompare(b.pickup.time));
    const over = all.filter((booking) => OVER.has(booking.status));
    this.events.onCount(current.length + this.requests.length);
    fill(
      this.list,
      !current.length && !this.requests.length && emptyBox(t("rides.none"), t("rides.none_advice")),
      current.map((booking) => this.card(booking)),
      this.requests.length > 0 && h("h2", null, t("requests")),
      this.requests.map((request) => this.requestCard(request)),
      over.length > 0 &&
        h(
          "details",
          { class: "over" },
          h("summary", null, t("rides.over", { n: over.length })),
          over.map((booking) => this.card(booking)),
        ),
    );
  }

  /** @param {any} booking */
  card(booking) {
    return bookingCard(booking, {
      onShow: () => drawBooking(this.map, booking),
      onMove: async (status, note) =>
        this.put(await patch(`/v1/bookings/${booking.id}`, note ? { status, note } : { status })),
    });
  }

  /** @param {any} request */
  requestCard(request) {
    const window = request.departure ?? request.arrival;
    const trouble = h("div");
    const fresh = this.fresh.get(request.id) ?? 0;
    const drop = h(
      "button",
      {
        type: "button",
        class: "quiet small",
        onclick: () =>
          whileBusy(drop, async () => {
            try {
              await remove(`/v1/requests/${request.id}`);
              this.requests = this.requests.filter((each) => each.id !== request.id);
              this.draw();
            } catch (error) {
              fill(trouble, errorBox(error));
            }
          }),
      },
      t("requests.drop"),
    );
    return h(
      "article",
      { class: fresh ? "card news" : "card", data: { request: request.id } },
      h(
        "p",
        { class: "card-head" },
        h("span", { class: "times" }, `${day(window.earliest)}, ${clock(window.earliest)}–${clock(window.latest)}`),
        h("span", { class: "chip" }, fresh ? t("requests.found", { n: fresh }) : t("requests.waiting")),
      ),
      h("p", { class: "stops" }, h("span", null, request.origin.label), h("span", null, request.destination.label)),
      h(
        "div",
        { class: "actions" },
        h(
          "button",
          {
            type: "button",
            class: "small",
            onclick: () => (this.fresh.delete(request.id), this.events.onSearch(request)),
          },
          t("requests.look"),
        ),
        drop,
      ),
      trouble,
    );
  }
}
