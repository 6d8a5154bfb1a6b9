/** The form of a search: where, when, how many, how far to walk. */

import { debounced, h } from "../lib/dom.js";
import { checkbox, clearFaults, field, formFault, select, whileBusy } from "../lib/fields.js";
import { distance, localDay, momentAt, zoneName } from "../lib/format.js";
import { PlaceField } from "../lib/places.js";
import { named, t } from "../lib/texts.js";

/** @typedef {import("../lib/places.js").Place} Place */

const WALKS = [0, 300, 600, 1000, 1500, 2000, 3000, 5000];
const LIKES = ["smoking", "pets", "music", "talk", "luggage"];
const DAY_MS = 86_400_000;

export class SearchForm {
  /**
   * @param {{horizon_days: number}} setup
   * @param {{onSearch: (body: any) => Promise<void>, onPlaces: () => void}} events
   */
  constructor(setup, events) {
    this.events = events;
    const changed = debounced(() => events.onPlaces(), 50);
    const pick = (/** @type {PlaceField} */ wanted) => this.choosePoint(wanted);
    this.from = new PlaceField(t("place.from"), "/origin", { onChange: changed, onPick: pick });
    this.to = new PlaceField(t("place.to"), "/destination", { onChange: changed, onPick: pick });
    /** @type {PlaceField | null} */
    this.picking = null;
    this.kind = select(
      [
        ["departure", t("when.leave")],
        ["arrival", t("when.arrive")],
      ],
      "departure",
    );
    this.date = h("input", {
      type: "date",
      required: true,
      value: localDay(Date.now() + DAY_MS),
      min: localDay(),
      max: localDay(Date.now() + setup.horizon_days * DAY_MS),
    });
    this.earliest = h("input", { type: "time", required: true, value: "07:30" });
    this.latest = h("input", { type: "time", required: true, value: "08:30" });
    this.seats = h("input", { type: "number", min: 1, max: 8, step: 1, value: 1, inputmode: "numeric" });
    this.walk = select(
      WALKS.map((metres) => [String(metres), metres ? t("walk.upto", { d: distance(metres) }) : t("walk.none")]),
      "600",
    );
    this.likes = LIKES.map((name) => ({
      name,
      control: select(
        [
          ["", t("like.any")],
          ["true", t("like.yes")],
          ["false", t("like.no")],
        ],
        "",
      ),
    }));
    this.womenOnly = checkbox(t("women_only.search"), { name: "women_only" });
    this.button = h("button", { type: "submit" }, t("search.do"));
    this.element = h(
      "form",
      {
        class: "form",
        novalidate: true,
        onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), this.submit()),
      },
      h(
        "div",
        { class: "ends" },
        this.from.element,
        this.to.element,
        h(
          "button",
          {
            type: "button",
            class: "icon swap",
            title: t("place.swap"),
            "aria-label": t("place.swap"),
            onclick: () => this.swap(),
          },
          "⇅",
        ),
      ),
      h(
        "div",
        { class: "grid" },
        field(t("when.day"), this.date, { pointer: "/departure /arrival" }),
        field(t("when.kind"), this.kind),
        field(t("when.from"), this.earliest),
        field(t("when.to"), this.latest),
        field(t("seats"), this.seats, { pointer: "/seats" }),
        field(t("walk"), this.walk, { pointer: "/max_walk_m" }),
      ),
      h(
        "details",
        { class: "more" },
        h("summary", null, t("search.more")),
        h(
          "div",
          { class: "grid" },
          this.likes.map(({ name, control }) =>
            field(named("like", name), control, { pointer: `/preferences/${name}` }),
          ),
        ),
        h(
          "div",
          { class: "field wide", data: { pointer: "/women_only" } },
          this.womenOnly,
          h("small", { class: "fault", role: "alert" }),
        ),
      ),
      formFault(),
      h("div", { class: "actions" }, this.button, h("small", { class: "fine" }, t("when.zone", { zone: zoneName() }))),
    );
  }

  /** @returns {{origin: Place | null, destination: Place | null}} */
  get ends() {
    return { origin: this.from.place, destination: this.to.place };
  }

  /** The next tap on the map is this field's. @param {PlaceField} wanted */
  choosePoint(wanted) {
    this.picking = wanted;
    document.querySelector(".map")?.classList.add("picking");
    document.querySelector(".map")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  /**
   * A point of the map: for the field that asked, else for the first one that is empty.
   * @param {[number, number]} point
   */
  takePoint(point) {
    const wanted = this.picking ?? (!this.from.input.value ? this.from : !this.to.input.value ? this.to : null);
    this.picking = null;
    document.querySelector(".map")?.classList.remove("picking");
    wanted?.takePoint(point);
  }

  swap() {
    const [from, to] = [this.from, this.to].map((each) => ({ place: each.place, text: each.input.value }));
    for (const [each, given] of /** @type {const} */ ([
      [this.from, to],
      [this.to, from],
    ])) {
      each.place = given?.place ?? null;
      each.input.value = given?.text ?? "";
    }
    this.events.onPlaces();
  }

  /** Fills the form from the address: ?from=…&to=…&date=…&earliest=…&latest=…; returns whether it can be searched. */
  async prefill() {
    const given = new URLSearchParams(location.search);
    const set = (/** @type {HTMLInputElement | HTMLSelectElement} */ control, /** @type {string} */ name) => {
      const value = given.get(name);
      if (value) control.value = value;
    };
    this.from.input.value = given.get("from") ?? "";
    this.to.input.value = given.get("to") ?? "";
    set(this.date, "date");
    set(this.earliest, "earliest");
    set(this.latest, "latest");
    set(this.kind, "kind");
    set(this.seats, "seats");
    set(this.walk, "walk");
    return Boolean(given.get("from") && given.get("to"));
  }

  /** Shows a request that was kept. @param {any} request */
  fillFrom(request) {
    this.from.take(request.origin);
    this.to.take(request.destination);
    const kind = request.departure ? "departure" : "arrival";
    this.kind.value = kind;
    const { earliest, latest } = request[kind];
    this.date.value = localDay(new Date(earliest).getTime());
    [this.earliest.value, this.latest.value] = [earliest, latest].map(localClock);
    this.seats.value = String(request.seats);
    this.walk.value = String(nearestWalk(request.max_walk_m));
  }

  /** What the API is asked. @param {Place} origin @param {Place} destination */
  body(origin, destination) {
    const earliest = momentAt(this.date.value, this.earliest.value);
    let latest = momentAt(this.date.value, this.latest.value);
    // Until after midnight: the next day is meant.
    if (this.latest.value < this.earliest.value) {
      latest = momentAt(localDay(Date.parse(`${this.date.value}T12:00:00Z`) + DAY_MS), this.latest.value);
    }
    const preferences = Object.fromEntries(
      this.likes.filter(({ control }) => control.value).map(({ name, control }) => [name, control.value === "true"]),
    );
    return {
      origin: { lat: origin.lat, lon: origin.lon },
      destination: { lat: destination.lat, lon: destination.lon },
      [this.kind.value]: { earliest, latest },
      seats: Number(this.seats.value),
      max_walk_m: Number(this.walk.value),
      preferences,
      women_only: this.womenOnly.querySelector("input")?.checked ?? false,
    };
  }

  async submit() {
    clearFaults(this.element);
    await whileBusy(this.button, async () => {
      const origin = await this.from.resolve();
      const destination = await this.to.resolve();
      const empty = [this.date, this.earliest, this.latest].find((control) => !control.value);
      if (!origin || !destination || empty) {
        if (empty) /** @type {any} */ (empty.closest(".field")).querySelector(".fault").textContent = t("when.missing");
        const wrong = /** @type {HTMLElement | null} */ (this.element.querySelector("[aria-invalid]")) ?? empty;
        wrong?.focus();
        return;
      }
      await this.events.onSearch(this.body(origin, destination));
    });
  }

  /** Does what a hint proposes, and searches again. @param {{code: string, amount?: number}} hint */
  apply({ code, amount = 0 }) {
    if (code === "widen_window") {
      const by = Math.round(amount / 60);
      this.earliest.value = shifted(this.earliest.value, -by);
      this.latest.value = shifted(this.latest.value, by);
    } else if (code === "fewer_seats") {
      this.seats.value = String(amount);
    } else if (code === "walk_more") {
      this.walk.value = String(nearestWalk(amount));
    } else if (code === "nearest_miss") {
      this.walk.value = String(nearestWalk(Number(this.walk.value) + 1));
    }
    return this.submit();
  }
}

/** The least choice that is at least so far. @param {number} metres */
const nearestWalk = (metres) => WALKS.find((each) => each >= metres) ?? 5000;

/** A time of day some minutes later, within the day. @param {string} time @param {number} minutes */
function shifted(time, minutes) {
  const [hours = 0, rest = 0] = time.split(":").map(Number);
  const all = Math.max(0, Math.min(24 * 60 - 1, hours * 60 + rest + minutes));
  return `${String(Math.floor(all / 60)).padStart(2, "0")}:${String(all % 60).padStart(2, "0")}`;
}

/** @param {string} moment */
const localClock = (moment) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: zoneName(), hour: "2-digit", minute: "2-digit" }).format(
    new Date(moment),
  );
