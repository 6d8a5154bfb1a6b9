/** /drive: publish a trip or a weekly one, see beforehand whom it would fit, and answer those who ask. */

import { h } from "../lib/dom.js";
import { splitView, startPage } from "../lib/shell.js";
import { Tabs } from "../lib/tabs.js";
import { addTexts, t } from "../lib/texts.js";
import { RegionMap } from "../map/map.js";
import { DRIVE } from "../texts/drive.js";
import { TRIPS } from "../texts/trips.js";
import { Preview } from "./preview.js";
import { TripForm } from "./trip_form.js";
import { MyTrips } from "./trips.js";

addTexts(TRIPS);
addTexts(DRIVE);

startPage("drive", async ({ main, setup, onEvent }) => {
  const { panel, map: mapElement } = splitView(main);
  const map = new RegionMap(mapElement, setup);
  const preview = new Preview(map);
  const form = new TripForm(setup, {
    onChange: (body, weekly) => preview.plan(body, weekly, form.ends),
    onAdvice: (run) => {
      preview.onAdvice = run;
    },
    onPublished: (published) => {
      preview.clear();
      trips.load();
      tabs.show("trips");
      trips.reveal(published.id);
    },
  });
  const publishing = h("section", null, h("h1", null, t("title.drive")), form.element, preview.element);
  const trips = new MyTrips(map, { onCount: (count) => tabs.count("trips", count) });
  const tabs = new Tabs(t("nav.label_page"), [
    { name: "publish", label: t("tab.publish"), panel: publishing },
    { name: "trips", label: t("tab.trips"), panel: trips.element },
  ]);
  panel.append(tabs.element, publishing, trips.element);
  map.onTap = (point) => form.takePoint(point);
  onEvent((event) => trips.happened(event));
  await trips.load();
  form.prefill();
});
