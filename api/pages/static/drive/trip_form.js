/** The form of a trip: once on a day, or every week on some days; there, or there and back. */

import { post } from "../lib/api.js";
import { debounced, fill, h } from "../lib/dom.js";
import { checkbox, clearFaults, field, formFault, select, showFaults, whileBusy } from "../lib/fields.js";
import { localDay, money, momentAt, weekday, zoneName } from "../lib/format.js";
import { toast } from "../lib/notices.js";
import { PlaceField } from "../lib/places.js";
import { named, t } from "../lib/texts.js";

/** @typedef {import("../lib/places.js").Place} Place */

const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const LIKES = ["smoking", "pets", "music", "talk", "luggage"];
const MOST_VIA = 5;
const DAY_MS = 86_400_000;
const PAUSE_MS = 400;

export class TripForm {
  /**
   * @param {{horizon_days: number, currency: string | null}} setup
   * @param {{onChange: (body: any, weekly: boolean) => void, onPublished: (published: any) => void,
   *   onAdvice: (run: (advice: any) => void) => void}} events
   */
  constructor(setup, events) {
    this.setup = setup;
    this.events = events;
    this.planned = debounced(() => this.plan(), PAUSE_MS);
    this.from = this.placeField(t("place.from"), "/origin");
    this.to = this.placeField(t("place.to"), "/destination");
    /** @type {PlaceField[]} */
    this.via = [];
    /** @type {PlaceField | null} */
    this.picking = null;
    this.viaList = h("div", { class: "stack" });
    this.addVia = h("button", { type: "button", class: "quiet small", onclick: () => this.another() }, t("via.add"));
    const when = {
      type: "date",
      required: true,
      min: localDay(),
      max: localDay(Date.now() + setup.horizon_days * DAY_MS),
    };
    this.weekly = select(
      [
        ["", t("repeat.once")],
        ["weekly", t("repeat.weekly")],
      ],
      "",
      { onchange: () => this.repeatChanged() },
    );
    this.date = h("input", { ...when, value: localDay(Date.now() + DAY_MS) });
    this.until = h("input", { ...when, required: false });
    this.time = h("input", { type: "time", required: true, value: "07:45" });
    this.back = h("input", { type: "time" });
    this.days = DAYS.map((name, index) => checkbox(weekday(index), { value: name, checked: index < 5 }));
    this.seats = h("input", { type: "number", min: 1, max: 8, value: 3, inputmode: "numeric" });
    this.flexibility = select(
      [0, 5, 10, 15, 20, 30, 45, 60].map((n) => [String(n * 60), t("unit.min", { n })]),
      "900",
    );
    this.detour = select(
      [
        ["", t("detour.usual")],
        ...[5, 10, 15, 20, 30, 45].map((n) => /** @type {[string, string]} */ ([String(n * 60), t("unit.min", { n })])),
      ],
      "",
    );
    this.price = h("input", {
      type: "number",
      min: 0,
      step: "any",
      inputmode: "decimal",
      placeholder: t("price.suggested"),
    });
    this.advice = h("small", { class: "hint" });
    this.comment = h("input", { type: "text", maxlength: 200, placeholder: t("comment.example") });
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
    this.instant = checkbox(t("instant"), { name: "instant_booking" });
    this.womenOnly = checkbox(t("women_only.trip"), { name: "women_only" });
    this.button = h("button", { type: "submit" }, t("publish"));
    this.element = this.build();
    this.element.addEventListener("input", () => this.planned());
    this.element.addEventListener("change", () => this.planned());
    events.onAdvice((advice) => this.advise(advice));
    this.repeatChanged();
  }

  build() {
    const priced = field(t("price", { currency: this.setup.currency ?? "" }), this.price, { pointer: "/price" });
    priced.append(this.advice);
    this.dayField = field(t("when.day"), this.date, { pointer: "/date" });
    this.fromField = field(
      t("repeat.from"),
      h("input", { type: "date", min: localDay(), value: localDay(Date.now() + DAY_MS) }),
      { pointer: "/from" },
    );
    this.untilField = field(t("repeat.until"), this.until, { pointer: "/until", hint: t("repeat.until_hint") });
    this.daysField = h(
      "fieldset",
      { class: "days wide", data: { pointer: "/weekdays" } },
      h("legend", null, t("repeat.days")),
      this.days,
      h("small", { class: "fault", role: "alert" }),
    );
    this.backField = field(t("back"), this.back, { pointer: "/return", hint: t("back.hint") });
    return h(
      "form",
      {
        class: "form",
        novalidate: true,
        onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), this.submit()),
      },
      h(
        "div",
        { class: "stack" },
        this.from.element,
        this.viaList,
        this.to.element,
        h("div", { class: "actions" }, this.addVia),
      ),
      h(
        "div",
        { class: "grid" },
        field(t("repeat"), this.weekly),
        this.dayField,
        this.fromField,
        this.untilField,
        this.daysField,
        field(t("leaves"), this.time, { pointer: "/departure" }),
        this.backField,
        field(t("seats"), this.seats, { pointer: "/seats" }),
        this.setup.currency && priced,
      ),
      h(
        "details",
        { class: "more" },
        h("summary", null, t("more.trip")),
        h(
          "div",
          { class: "grid" },
          field(t("flexibility"), this.flexibility, { pointer: "/flexibility_s" }),
          field(t("detour"), this.detour, { pointer: "/max_detour_s" }),
          field(t("comment"), this.comment, { pointer: "/comment", wide: true }),
          this.likes.map(({ name, control }) =>
            field(named("like", name), control, { pointer: `/preferences/${name}` }),
          ),
        ),
        h(
          "div",
          { class: "field", data: { pointer: "/instant_booking" } },
          this.instant,
          h("small", { class: "fault" }),
        ),
        h(
          "div",
          { class: "field", data: { pointer: "/women_only" } },
          this.womenOnly,
          h("small", { class: "fault", role: "alert" }),
        ),
      ),
      formFault(),
      h("div", { class: "actions" }, this.button, h("small", { class: "fine" }, t("when.zone", { zone: zoneName() }))),
    );
  }

  /** @param {string} label @param {string} pointer */
  placeField(label, pointer) {
    return new PlaceField(label, pointer, {
      onChange: () => this.planned(),
      onPick: (wanted) => {
        this.picking = wanted;
        document.querySelector(".map")?.classList.add("picking");
      },
    });
  }

  /** Another place on the way. */
  another() {
    const place = this.placeField(t("via", { n: this.via.length + 1 }), `/via/${this.via.length}`);
    this.via.push(place);
    const gone = () => {
      this.via = this.via.filter((each) => each !== place);
      line.remove();
      this.addVia.hidden = false;
      this.planned();
    };
    const line = h(
      "div",
      { class: "via" },
      place.element,
      h("button", { type: "button", class: "quiet small", onclick: gone, "aria-label": t("via.remove") }, "×"),
    );
    this.viaList.append(line);
    this.addVia.hidden = this.via.length >= MOST_VIA;
    place.input.focus();
  }

  get isWeekly() {
    return this.weekly.value === "weekly";
  }

  /** @returns {(Place | null)[]} */
  get ends() {
    return [this.from, ...this.via, this.to].map((each) => each.place);
  }

  repeatChanged() {
    for (const element of [this.fromField, this.untilField, this.daysField])
      if (element) element.hidden = !this.isWeekly;
    if (this.dayField) this.dayField.hidden = this.isWeekly;
    this.planned();
  }

  /** @param {[number, number]} point */
  takePoint(point) {
    const wanted = this.picking ?? [this.from, ...this.via, this.to].find((each) => !each.input.value) ?? null;
    this.picking = null;
    document.querySelector(".map")?.classList.remove("picking");
    wanted?.takePoint(point);
  }

  /** Fills the form from the address: ?from=…&to=…&date=…&time=… */
  async prefill() {
    const given = new URLSearchParams(location.search);
    for (const [control, name] of /** @type {const} */ ([
      [this.date, "date"],
      [this.time, "time"],
    ])) {
      const value = given.get(name);
      if (value) control.value = value;
    }
    for (const [place, name] of /** @type {const} */ ([
      [this.from, "from"],
      [this.to, "to"],
    ])) {
      place.input.value = given.get(name) ?? "";
      if (place.input.value) await place.resolve();
    }
  }

  /** What would be published, or null while something is missing. */
  body() {
    const places = this.ends;
    if (places.some((place) => !place) || !this.time.value) return null;
    const [origin, ...rest] = places.map((place) => ({ lat: place?.lat, lon: place?.lon }));
    const destination = rest.pop();
    /** @type {any} */
    const body = {
      origin,
      destination,
      via: rest,
      seats: Number(this.seats.value),
      comment: this.comment.value.trim(),
    };
    body.preferences = Object.fromEntries(
      this.likes.filter(({ control }) => control.value).map(({ name, control }) => [name, control.value === "true"]),
    );
    body.instant_booking = this.instant.querySelector("input")?.checked ?? false;
    body.women_only = this.womenOnly.querySelector("input")?.checked ?? false;
    body.flexibility_s = Number(this.flexibility.value);
    if (this.detour.value) body.max_detour_s = Number(this.detour.value);
    if (this.setup.currency && this.price.value !== "")
      body.price = { amount: Number(this.price.value), currency: this.setup.currency };
    if (this.isWeekly) {
      body.weekdays = this.days
        .filter((day) => day.querySelector("input")?.checked)
        .map((day) => day.querySelector("input")?.value);
      body.from = this.fromField?.querySelector("input")?.value || undefined;
      body.until = this.until.value || undefined;
      body.departure = this.time.value;
    } else if (this.back.value) {
      body.date = this.date.value;
      body.departure = this.time.value;
    } else {
      if (!this.date.value) return null;
      body.departure = momentAt(this.date.value, this.time.value);
    }
    if (this.back.value) body.return = { departure: this.back.value };
    return body;
  }

  /** Trips that are made again, or there and back, are a series. */
  get isSeries() {
    return this.isWeekly || Boolean(this.back.value);
  }

  plan() {
    const body = this.body();
    if (body) this.events.onChange(body, this.isSeries);
  }

  /** @param {any} advice */
  advise(advice) {
    fill(
      this.advice,
      advice ? t("price.advice", { suggested: money(advice.suggested), dearest: money(advice.dearest) }) : "",
    );
  }

  async submit() {
    clearFaults(this.element);
    await whileBusy(this.button, async () => {
      for (const place of [this.from, ...this.via, this.to]) await place.resolve();
      const body = this.body();
      if (!body) {
        const wrong = /** @type {HTMLElement | null} */ (this.element.querySelector("[aria-invalid]"));
        (wrong ?? (this.time.value ? this.date : this.time)).focus();
        return;
      }
      try {
        const published = await post(this.isSeries ? "/v1/series" : "/v1/offers", body);
        toast(t(this.isSeries ? "published.series" : "published"));
        this.events.onPublished(published);
      } catch (error) {
        showFaults(this.element, error);
      }
    });
  }
}
