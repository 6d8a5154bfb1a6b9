/**
 * /ops: how well riders are matched and why not better, where demand is not met, how the service is, and single
 * searches.
 */

import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { field, select, whileBusy } from "../lib/fields.js";
import { clock, day, localDay, momentAt, zoneName } from "../lib/format.js";
import { errorBox } from "../lib/notices.js";
import { startPage } from "../lib/shell.js";
import { addTexts, t } from "../lib/texts.js";
import { OPS } from "../texts/ops.js";
import { RIDE } from "../texts/ride.js";
import { TRIPS } from "../texts/trips.js";
import { DemandMap, wholeHours } from "./demand.js";
import { figures, hoursChart, matchCharts, supplyCharts, wantedChart } from "./numbers.js";
import { Replay } from "./replay.js";
import { State } from "./state.js";

addTexts(TRIPS);
addTexts(RIDE);
addTexts(OPS);

const HOUR_MS = 3_600_000;
const REFRESH_MS = 60_000;

startPage("ops", async ({ main, setup }) => {
  main.classList.add("board");
  const range = select(
    [
      ["24h", t("range.day")],
      ["7d", t("range.week")],
      ["28d", t("range.month")],
      ["own", t("range.own")],
    ],
    "24h",
    { onchange: () => changed() },
  );
  const from = h("input", { type: "date", value: localDay(Date.now() - 7 * 24 * HOUR_MS), onchange: () => load() });
  const to = h("input", { type: "date", value: localDay(), onchange: () => load() });
  const own = [field(t("range.from"), from), field(t("range.to"), to)];
  const again = h(
    "button",
    { type: "button", class: "quiet", onclick: () => whileBusy(again, load) },
    t("range.again"),
  );
  const asked = h("p", { class: "fine", role: "status" });
  const totals = h("div", { class: "figures" });
  const charts = h("div", { class: "charts" });
  const supplied = h("div", { class: "charts" });
  const demand = new DemandMap(setup);
  const state = new State();
  const replay = new Replay(demand);

  fill(
    main,
    h(
      "div",
      { class: "board-head" },
      h("h1", null, t("title.ops")),
      h("div", { class: "range" }, field(t("range"), range), own, again),
      asked,
    ),
    totals,
    h(
      "div",
      { class: "columns" },
      h("div", { class: "column" }, charts),
      h("div", { class: "column" }, demand.element, replay.element, state.element, supplied),
    ),
  );
  changed();
  state.load();
  setInterval(() => {
    if (document.visibilityState === "visible") {
      load();
      state.load();
    }
  }, REFRESH_MS);

  function changed() {
    for (const each of own) each.hidden = range.value !== "own";
    return load();
  }

  /** The range that is asked for, whole hours for the short one and whole days of the region for the others. */
  function wanted() {
    const hour = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS;
    if (range.value === "24h") {
      return { bucket: "hour", from: new Date(hour - 24 * HOUR_MS).toISOString(), to: new Date(hour).toISOString() };
    }
    const days = range.value === "7d" ? 6 : 27;
    const first = range.value === "own" ? from.value : localDay(Date.now() - days * 24 * HOUR_MS);
    const last = range.value === "own" ? to.value : localDay();
    const after = localDay(Date.parse(`${last}T12:00:00Z`) + 24 * HOUR_MS);
    return { bucket: "day", from: momentAt(first, "00:00"), to: momentAt(after, "00:00") };
  }

  async function load() {
    const asking = { ...wanted(), tz: zoneName() };
    const label = (/** @type {{from: string}} */ bucket) =>
      asking.bucket === "hour" ? clock(bucket.from) : day(bucket.from);
    try {
      const ahead = supplyRange(asking);
      const [matches, supply, wanted] = await Promise.all([
        get("/v1/stats/matches", asking),
        get("/v1/stats/offers", ahead),
        get("/v1/stats/wanted", { ...wholeHours(asking), tz: zoneName() }),
      ]);
      fill(totals, figures(matches.totals));
      fill(
        charts,
        wantedChart(wanted),
        hoursChart(supply),
        matchCharts(matches, label),
      );
      fill(supplied, supplyCharts(supply, label));
      asked.textContent = t("range.shown", {
        from: `${day(asking.from)} ${clock(asking.from)}`,
        to: `${day(asking.to)} ${clock(asking.to)}`,
        zone: zoneName(),
      });
      await demand.load(asking);
    } catch (error) {
      fill(charts, errorBox(error, load));
    }
  }
});

/**
 * Offers lie ahead: the next two days beside the last one, otherwise the same range and a week more.
 * @param {any} asking
 */
function supplyRange(asking) {
  if (asking.bucket === "hour") {
    const begin = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    return { ...asking, from: new Date(begin).toISOString(), to: new Date(begin + 48 * HOUR_MS).toISOString() };
  }
  return { ...asking, to: new Date(Date.parse(asking.to) + 7 * 24 * HOUR_MS).toISOString() };
}
