/** A driver's trips: who asks to come along, who boards where, and what may be changed. */

import { call, get, patch } from "../lib/api.js";
import { bookingCard } from "../lib/booking_card.js";
import { add, fill, h } from "../lib/dom.js";
import { whileBusy } from "../lib/fields.js";
import { clock, day, distance, duration, localDay } from "../lib/format.js";
import { busyBox, emptyBox, errorBox, toast } from "../lib/notices.js";
import { t } from "../lib/texts.js";
import { decode } from "../map/polyline.js";
import { seenByRiders } from "./seen.js";

const OPEN = new Set(["WAITING_CONFIRMATION", "CONFIRMED", "COMPLETED_PENDING_VALIDATION"]);
const PAGE = 25;

export class MyTrips {
  /** @param {import("../map/map.js").RegionMap} map @param {{onCount: (count: number) => void}} events */
  constructor(map, events) {
    this.map = map;
    this.events = events;
    /** @type {any[]} */
    this.offers = [];
    /** @type {Map<string, any>} */
    this.bookings = new Map();
    /** @type {Map<string, string>} */
    this.routes = new Map();
    /** @type {string | undefined} */
    this.cursor = undefined;
    this.list = h("div", { class: "cards" });
    this.element = h("section", null, h("h1", null, t("tab.trips")), this.list);
  }

  async load() {
    if (!this.offers.length) fill(this.list, busyBox(t("state.loading")));
    try {
      const from = `${localDay()}T00:00:00Z`;
      const [page, booked] = await Promise.all([
        get("/v1/offers", { status: "OPEN", from, limit: PAGE }),
        get("/v1/bookings", { limit: 100 }),
      ]);
      this.offers = page.offers;
      this.cursor = page.next_cursor;
      this.bookings = new Map(booked.bookings.map((/** @type {any} */ booking) => [booking.id, booking]));
      await this.addMissing();
      this.draw();
    } catch (error) {
      fill(
        this.list,
        errorBox(error, () => this.load()),
      );
    }
  }

  async more() {
    const from = `${localDay()}T00:00:00Z`;
    const page = await get("/v1/offers", { status: "OPEN", from, limit: PAGE, cursor: this.cursor });
    this.offers.push(
      ...page.offers.filter((/** @type {any} */ offer) => !this.offers.some((each) => each.id === offer.id)),
    );
    this.cursor = page.next_cursor;
    this.draw();
  }

  /** Trips that somebody asks about are there whatever page they are on. */
  async addMissing() {
    const known = new Set(this.offers.map((offer) => offer.id));
    const wanted = new Set(
      [...this.bookings.values()].filter((booking) => OPEN.has(booking.status)).map((booking) => booking.offer_id),
    );
    const missing = [...wanted].filter((id) => !known.has(id));
    const found = await Promise.all(missing.map((id) => get(`/v1/offers/${id}`).catch(() => null)));
    this.offers.push(...found.filter((offer) => offer?.status === "OPEN"));
  }

  /** @param {string} id */
  reveal(id) {
    const card = /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-offer="${id}"]`));
    card?.scrollIntoView({ block: "nearest" });
    card?.focus();
  }

  /** @param {any} event */
  async happened(event) {
    const id = event?.data?.booking_id;
    if (!id) {
      await this.load();
      return;
    }
    try {
      const booking = await get(`/v1/bookings/${id}`);
      const before = this.bookings.get(id)?.status;
      this.bookings.set(id, booking);
      const offer = await get(`/v1/offers/${booking.offer_id}`);
      this.offers = [...this.offers.filter((each) => each.id !== offer.id), offer].filter(
        (each) => each.status === "OPEN",
      );
      this.draw();
      if (booking.status !== before) toast(t(`event.driver.${booking.status}`));
    } catch {
      await this.load();
    }
  }

  draw() {
    const asks = [...this.bookings.values()].filter((booking) => booking.status === "WAITING_CONFIRMATION");
    this.events.onCount(asks.length);
    const sorted = [...this.offers].sort(
      (a, b) => this.asksOf(b) - this.asksOf(a) || Date.parse(a.departure) - Date.parse(b.departure),
    );
    const more = h(
      "button",
      { type: "button", class: "quiet", onclick: () => whileBusy(more, () => this.more()) },
      t("do.more"),
    );
    fill(
      this.list,
      !sorted.length && emptyBox(t("trips.none"), t("trips.none_advice")),
      sorted.map((offer) => this.card(offer)),
      this.cursor && more,
    );
  }

  /** @param {any} offer */
  asksOf(offer) {
    return this.ridersOf(offer).filter((booking) => booking.status === "WAITING_CONFIRMATION").length;
  }

  /** @param {any} offer @returns {any[]} */
  ridersOf(offer) {
    return [...this.bookings.values()]
      .filter((booking) => booking.offer_id === offer.id && OPEN.has(booking.status))
      .sort((a, b) => Date.parse(a.pickup.time) - Date.parse(b.pickup.time));
  }

  /** @param {any} offer */
  card(offer) {
    const riders = this.ridersOf(offer);
    const trouble = h("div");
    const actions = h("div", { class: "actions" });
    const show = () => this.show(offer);
    const plain = () =>
      fill(actions, h("button", { type: "button", class: "quiet small", onclick: sure }, t("trip.cancel")));
    const sure = () => {
      const yes = h(
        "button",
        {
          type: "button",
          class: "danger small",
          onclick: () =>
            whileBusy(yes, async () => {
              try {
                await call("DELETE", `/v1/offers/${offer.id}`);
                toast(t("trip.cancelled"));
                await this.load();
              } catch (error) {
                fill(trouble, errorBox(error));
              }
            }),
        },
        riders.length ? t("trip.cancel_riders", { n: riders.length }) : t("move.sure"),
      );
      fill(actions, yes, h("button", { type: "button", class: "quiet small", onclick: plain }, t("move.keep")));
      yes.focus();
    };
    plain();
    const card = h(
      "article",
      { class: "card trip", tabindex: "-1", data: { offer: offer.id }, onpointerenter: show, onfocusin: show },
      h(
        "p",
        { class: "card-head" },
        h("span", { class: "times" }, day(offer.departure), " ", clock(offer.departure)),
        offer.series && h("span", { class: "chip" }, t("trip.series")),
        h("span", { class: "chip" }, t("trip.seats", { left: offer.seats_left, n: offer.seats })),
      ),
      h("p", { class: "stops" }, h("span", null, offer.origin.label), h("span", null, offer.destination.label)),
      h(
        "p",
        { class: "facts" },
        h("span", null, distance(offer.distance_m)),
        h("span", null, duration(offer.duration_s)),
        h("span", null, t("trip.detour", { time: duration(offer.max_detour_s) })),
      ),
      seenByRiders(offer),
    );
    if (riders.length) add(card, [h("h3", null, t("trip.riders")), riders.map((booking) => this.rider(booking))]);
    add(card, [actions, trouble]);
    return card;
  }

  /** @param {any} booking */
  rider(booking) {
    return bookingCard(booking, {
      onShow: () => {},
      onMove: async (status, note) => {
        const moved = await patch(`/v1/bookings/${booking.id}`, note ? { status, note } : { status });
        await this.happened({ data: { booking_id: moved.id } });
      },
    });
  }

  /** The trip's route and where its riders board and alight. @param {any} offer */
  async show(offer) {
    this.wanted = offer.id;
    if (!this.routes.has(offer.id)) {
      const whole = offer.polyline ? offer : await get(`/v1/offers/${offer.id}`).catch(() => null);
      if (!whole) return;
      this.routes.set(offer.id, whole.polyline);
    }
    if (this.wanted !== offer.id) return;
    const route = decode(this.routes.get(offer.id) ?? "");
    this.map.drawCells([]);
    this.map.drawLines([{ kind: "ride", points: route }]);
    this.map.drawPins([
      { at: [offer.origin.lon, offer.origin.lat], kind: "origin", text: "A", label: offer.origin.label },
      {
        at: [offer.destination.lon, offer.destination.lat],
        kind: "destination",
        text: "B",
        label: offer.destination.label,
      },
      ...this.ridersOf(offer).flatMap((booking) =>
        [booking.pickup, booking.dropoff].map((stop) => ({
          at: /** @type {[number, number]} */ ([stop.lon, stop.lat]),
          kind: "stop",
          text: clock(stop.time),
          label: stop.label ?? t("booking.about"),
        })),
      ),
    ]);
    this.map.show(route);
  }
}
