/** /ride: find a ride, ask for a seat, and follow what becomes of it. */

import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { showFaults } from "../lib/fields.js";
import { busyBox, errorBox } from "../lib/notices.js";
import { splitView, startPage } from "../lib/shell.js";
import { Tabs } from "../lib/tabs.js";
import { addTexts, t } from "../lib/texts.js";
import { RegionMap } from "../map/map.js";
import { RIDE } from "../texts/ride.js";
import { TRIPS } from "../texts/trips.js";
import { drawMatch, drawSearch } from "./draw.js";
import { Results } from "./results.js";
import { MyRides } from "./rides.js";
import { SearchForm } from "./search_form.js";
import { call } from "../lib/api.js";

addTexts(TRIPS);
addTexts(RIDE);

startPage("ride", async ({ main, setup, onEvent }) => {
  /** @type {AbortController | null} */
  let asking = null;
  /** The ends that were searched last, until others are typed. */
  let searched = "";
  const { panel, map: mapElement } = splitView(main);
  const map = new RegionMap(mapElement, setup);
  const outcome = h("div", { class: "outcome", "aria-live": "polite" });
  const form = new SearchForm(setup, { onSearch: search, onPlaces: placed });
  const searching = h("section", null, h("h1", null, t("title.ride")), form.element, outcome);
  const rides = new MyRides(map, { onCount: (count) => tabs.count("rides", count), onSearch: repeat });
  const tabs = new Tabs(t("nav.label_page"), [
    { name: "search", label: t("tab.search"), panel: searching },
    { name: "rides", label: t("tab.rides"), panel: rides.element },
  ]);
  panel.append(tabs.element, searching, rides.element);
  map.onTap = (point) => form.takePoint(point);
  onEvent((event) => rides.happened(event));
  rides.load();
  if (await form.prefill()) form.submit();

  /** Shows where the ends are; news of those that were searched may come when their rides are shown already. */
  function placed() {
    if (JSON.stringify(form.ends) === searched) return;
    searched = "";
    drawSearch(map, form.ends);
  }

  /** @param {any} body */
  async function search(body) {
    asking?.abort();
    asking = new AbortController();
    fill(outcome, busyBox(t("search.busy")));
    searched = JSON.stringify(form.ends);
    drawSearch(map, form.ends);
    try {
      const { json } = await call("POST", "/v1/match", { body, signal: asking.signal });
      show(json, body);
    } catch (error) {
      if (/** @type {any} */ (error).name === "AbortError") return;
      outcome.replaceChildren();
      showFaults(form.element, error);
    }
  }

  /** @param {any} answer @param {any} body */
  function show(answer, body) {
    // A ride from door to door goes the rider's own best way, with which the others are compared.
    const own = answer.matches.find((/** @type {any} */ match) => !match.walking)?.polyline;
    const results = new Results(answer, {
      body,
      ends: form.ends,
      onShow: (match) => drawMatch(map, match, form.ends, match.walking ? own : undefined),
      onHint: (hint) => form.apply(hint),
      onAsked: (booking) => {
        rides.put(booking);
        tabs.show("rides");
        rides.reveal(booking.id);
      },
      onKept: () => {
        rides.load();
        tabs.show("rides");
      },
    });
    fill(outcome, results.element);
    results.element.querySelector("h2")?.focus();
  }

  /** Searches again for a request that waits. @param {any} request */
  async function repeat(request) {
    tabs.show("search");
    form.fillFrom(request);
    fill(outcome, busyBox(t("search.busy")));
    try {
      show(await get(`/v1/requests/${request.id}/matches`), null);
    } catch (error) {
      fill(outcome, errorBox(error));
    }
  }
});
