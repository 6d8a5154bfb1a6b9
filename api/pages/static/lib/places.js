/** A field for a place: what is typed is completed from the region's own names, or a point is taken from the map. */

import { get, Problem } from "./api.js";
import { debounced, fill, h, newId, svg } from "./dom.js";
import { field } from "./fields.js";
import { wordsOf } from "./notices.js";
import { t } from "./texts.js";

/** @typedef {{lat: number, lon: number, label: string}} Place */

const PAUSE_MS = 180;
const LEAST = 2;

/**
 * A combobox as the ARIA practices describe it: the list is moved through with the arrows, Enter takes, Escape closes.
 */
export class PlaceField {
  /**
   * @param {string} label
   * @param {string} pointer
   * @param {{onChange?: () => void, onPick?: (field: PlaceField) => void}} [events] onPick: to take a point of the map
   */
  constructor(label, pointer, events = {}) {
    /** @type {Place | null} */
    this.place = null;
    this.events = events;
    /** @type {Place[]} */
    this.found = [];
    this.active = -1;
    this.asked = 0;
    const listId = newId("places");
    this.input = h("input", {
      type: "text",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      maxlength: 200,
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": listId,
      placeholder: t("place.placeholder"),
      oninput: () => this.typed(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.pressed(event),
      onblur: () => setTimeout(() => this.close(), 150),
    });
    this.list = h("ul", { id: listId, role: "listbox", class: "suggestions", hidden: true, "aria-label": label });
    const pick = h(
      "button",
      {
        type: "button",
        class: "icon",
        title: t("place.pick"),
        "aria-label": `${label}: ${t("place.pick")}`,
        onclick: () => events.onPick?.(this),
      },
      svg(
        "svg",
        { viewBox: "0 0 20 20", width: 18, height: 18, "aria-hidden": "true" },
        svg("path", { d: "M10 1v4M10 15v4M1 10h4M15 10h4", stroke: "currentColor", "stroke-width": 2 }),
        svg("circle", { cx: 10, cy: 10, r: 4.5, fill: "none", stroke: "currentColor", "stroke-width": 2 }),
      ),
    );
    this.element = field(label, h("div", { class: "place" }, this.input, events.onPick && pick, this.list), {
      pointer,
      wide: true,
    });
    this.lookUp = debounced(() => this.suggest(), PAUSE_MS);
  }

  typed() {
    this.place = null;
    this.events.onChange?.();
    if (this.input.value.trim().length < LEAST) this.close();
    else this.lookUp();
  }

  async suggest() {
    const text = this.input.value.trim();
    if (text.length < LEAST) return;
    this.asked += 1;
    const mine = this.asked;
    try {
      const { places } = await get("/v1/geocode", { q: text, limit: 6 });
      if (mine === this.asked && document.activeElement === this.input) this.open(places);
    } catch (error) {
      if (mine === this.asked) this.say(wordsOf(error));
    }
  }

  /** @param {Place[]} places */
  open(places) {
    this.found = places;
    this.active = -1;
    const options = places.map((place, index) => {
      const [first = "", ...rest] = place.label.split(", ");
      return h(
        "li",
        {
          role: "option",
          id: `${this.list.id}-${index}`,
          "aria-selected": "false",
          onpointerdown: (/** @type {Event} */ event) => {
            event.preventDefault();
            this.take(place);
          },
        },
        first,
        rest.length > 0 && h("small", null, rest.join(", ")),
      );
    });
    if (!options.length)
      options.push(h("li", { class: "none", role: "option", "aria-disabled": "true" }, t("place.none")));
    fill(this.list, options);
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      this.close();
      return;
    }
    if (this.list.hidden || !this.found.length) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) {
      event.preventDefault();
      this.active = (this.active + step + this.found.length) % this.found.length;
      [...this.list.children].forEach((option, index) => {
        option.setAttribute("aria-selected", String(index === this.active));
        if (index === this.active) option.scrollIntoView({ block: "nearest" });
      });
      this.input.setAttribute("aria-activedescendant", `${this.list.id}-${this.active}`);
    } else if (event.key === "Enter") {
      const place = this.found[Math.max(0, this.active)];
      if (place) {
        event.preventDefault();
        this.take(place);
      }
    }
  }

  /** @param {Place | null} place */
  take(place) {
    this.place = place;
    this.input.value = place?.label ?? "";
    this.say("");
    this.close();
    this.events.onChange?.();
  }

  /** Takes a point of the map, named by what lies there. @param {[lon: number, lat: number]} point */
  async takePoint([lon, lat]) {
    const at = { lat: round(lat), lon: round(lon) };
    this.take({ ...at, label: `${at.lat}, ${at.lon}` });
    try {
      const { places } = await get("/v1/reverse", at);
      if (places.length && this.place?.lat === at.lat) this.take({ ...at, label: places[0].label });
    } catch {
      // The point itself is good enough.
    }
  }

  /**
   * The place that is meant, looked up when nothing was chosen; null, and said so, when there is none.
   * @returns {Promise<Place | null>}
   */
  async resolve() {
    if (this.place) return this.place;
    const text = this.input.value.trim();
    if (!text) {
      this.say(t("place.missing"));
      return null;
    }
    try {
      const { places } = await get("/v1/geocode", { q: text, limit: 1 });
      if (places.length) {
        this.take(places[0]);
        return places[0];
      }
      this.say(t("place.unknown"));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.say(wordsOf(error));
    }
    return null;
  }

  /** @param {string} text */
  say(text) {
    const slot = this.element.querySelector(".fault");
    if (slot) slot.textContent = text;
    if (text) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }
}

/** @param {number} degrees */
const round = (degrees) => Math.round(degrees * 1e5) / 1e5;
