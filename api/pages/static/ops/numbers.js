/** The numbers of a range as figures and charts. */

import { h } from "../lib/dom.js";
import { distance, duration, number, percent } from "../lib/format.js";
import { named, t } from "../lib/texts.js";
import { nameChart, timeChart } from "./charts.js";

/** @param {string} value @param {string} words @param {string} [more] */
const figure = (value, words, more) =>
  h("p", { class: "figure" }, h("b", null, value), h("span", null, words), more && h("span", null, more));

/** @param {number} value */
const ms = (value) => `${number(value, value < 10 ? 1 : 0)} ms`;

/** @param {any} totals */
export function figures(totals) {
  const { latency_ms: latency, detour_s: detour, walk_m: walk } = totals;
  return [
    figure(number(totals.searches), t("n.searches", { n: totals.searches })),
    figure(totals.match_rate === undefined ? "–" : percent(totals.match_rate), t("n.matched")),
    figure(totals.searches ? percent(totals.booked / totals.searches) : "–", t("n.booked")),
    figure(
      latency ? ms(latency.p95) : "–",
      t("n.latency"),
      latency && t("n.p50_p99", { p50: ms(latency.p50), p99: ms(latency.p99) }),
    ),
    figure(detour ? duration(detour.p50) : "–", t("n.detour"), detour && t("n.p95", { p95: duration(detour.p95) })),
    figure(walk ? distance(walk.p50) : "–", t("n.walk"), walk && t("n.p95", { p95: distance(walk.p95) })),
    totals.lost > 0 && figure(number(totals.lost), t("n.lost")),
  ];
}

/** @param {any} matches @param {(bucket: any) => string} label */
export function matchCharts(matches, label) {
  const { series, totals } = matches;
  const labels = series.map(label);
  const of = (/** @type {(bucket: any) => number | null} */ read) => series.map(read);
  const away = /** @type {[string, number][]} */ (Object.entries(totals.turned_away))
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => /** @type {[string, number]} */ ([named("away", reason), count]));
  return [
    timeChart({
      title: t("chart.searches"),
      kind: "bars",
      labels,
      show: (value) => number(value, 1),
      series: [
        { name: "a", label: t("chart.matched"), values: of((bucket) => bucket.matched) },
        { name: "b", label: t("chart.unmatched"), values: of((bucket) => bucket.searches - bucket.matched) },
      ],
    }),
    nameChart(t("chart.away"), away, number),
    timeChart({
      title: t("chart.latency"),
      kind: "lines",
      labels,
      show: ms,
      series: [
        { name: "a", label: "p50", values: of((bucket) => bucket.latency_ms?.p50 ?? null) },
        { name: "c", label: "p95", values: of((bucket) => bucket.latency_ms?.p95 ?? null) },
      ],
    }),
  ];
}

/** When riders want to travel, whenever they asked. @param {any} wanted */
export function wantedChart({ by_hour: hours }) {
  const of = (/** @type {(hour: any) => number} */ read) => hours.map(read);
  return timeChart({
    title: t("chart.wanted"),
    kind: "bars",
    labels: of((each) => each.hour).map(hourName),
    show: (value) => number(value, 1),
    series: [
      { name: "a", label: t("chart.matched"), values: of((each) => each.asked - each.unmatched) },
      { name: "b", label: t("chart.unmatched"), values: of((each) => each.unmatched) },
    ],
  });
}

/** @param {number} hour */
const hourName = (hour) => String(hour).padStart(2, "0");

/** When offers leave. @param {any} supply */
export function hoursChart(supply) {
  return timeChart({
    title: t("chart.hours"),
    kind: "bars",
    labels: supply.by_hour.map((/** @type {any} */ each) => hourName(each.hour)),
    show: (value) => number(value, 1),
    series: [
      { name: "d", label: t("chart.offers"), values: supply.by_hour.map((/** @type {any} */ each) => each.offers) },
    ],
  });
}

/** @param {any} supply @param {(bucket: any) => string} label */
export function supplyCharts(supply, label) {
  const { series, totals } = supply;
  const bookings = /** @type {[string, number][]} */ (Object.entries(totals.bookings)).map(
    ([status, count]) => /** @type {[string, number]} */ ([t(`status.${status}`), count]),
  );
  return [
    timeChart({
      title: t("chart.seats"),
      kind: "bars",
      labels: series.map(label),
      show: (value) => number(value, 1),
      series: [
        { name: "a", label: t("chart.filled"), values: series.map((/** @type {any} */ bucket) => bucket.seats_filled) },
        {
          name: "d",
          label: t("chart.free"),
          values: series.map((/** @type {any} */ bucket) => bucket.seats_offered - bucket.seats_filled),
        },
      ],
    }),
    nameChart(t("chart.bookings"), bookings, number),
  ];
}
