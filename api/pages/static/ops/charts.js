/** Charts as SVG: bars and lines over time, and bars by name. Each comes with its numbers as a table. */

import { h, newId, svg } from "../lib/dom.js";
import { t } from "../lib/texts.js";

/**
 * @typedef {{name: string, label: string, values: (number | null)[]}} Series
 * @typedef {{labels: string[], series: Series[], kind: "bars" | "lines", title: string,
 *   show: (value: number) => string}} Chart
 */

const WIDTH = 560;
const HEIGHT = 190;
const LEFT = 60;
const BOTTOM = 22;
const TOP = 8;
const TICKS = 4;

/** Bars on top of one another, or lines, over buckets of time. @param {Chart} chart @returns {HTMLElement} */
export function timeChart(chart) {
  const { labels, series, kind, show } = chart;
  const tops = labels.map((_, i) =>
    kind === "bars"
      ? series.reduce((sum, each) => sum + (each.values[i] ?? 0), 0)
      : Math.max(...series.map((each) => each.values[i] ?? 0)),
  );
  const top = niceTop(Math.max(...tops, 0), kind === "bars");
  const step = (WIDTH - LEFT) / Math.max(1, labels.length);
  const y = (/** @type {number} */ value) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP);
  const titleId = newId("chart");
  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-labelledby": titleId,
    class: "chart",
  });
  drawing.append(svg("title", { id: titleId }, chart.title), axes(top, y, show), below(labels, step));
  if (kind === "bars") drawing.append(bars(chart, step, y));
  else series.forEach((each) => drawing.append(line(each, step, y)));
  return h(
    "figure",
    { class: "chart-box" },
    h("figcaption", null, chart.title),
    legend(series),
    drawing,
    numbers(chart),
  );
}

/** @param {number} top @param {(value: number) => number} y @param {(value: number) => string} show */
function axes(top, y, show) {
  const group = svg("g", { class: "axis" });
  for (let i = 0; i <= TICKS; i += 1) {
    const value = (top * i) / TICKS;
    group.append(
      svg("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: i ? "grid-line" : "base-line" }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, show(value)),
    );
  }
  return group;
}

/** @param {string[]} labels @param {number} step */
function below(labels, step) {
  const every = Math.max(1, Math.ceil(labels.length / (matchMedia("(max-width: 560px)").matches ? 5 : 8)));
  const group = svg("g", { class: "axis" });
  labels.forEach((label, i) => {
    if (i % every === 0) {
      const x = LEFT + (i ? i + 0.5 : 0) * step;
      group.append(svg("text", { x, y: HEIGHT - 6, "text-anchor": i ? "middle" : "start" }, label));
    }
  });
  return group;
}

/** @param {Chart} chart @param {number} step @param {(value: number) => number} y */
function bars({ labels, series, show }, step, y) {
  const group = svg("g");
  labels.forEach((label, i) => {
    let sum = 0;
    for (const each of series) {
      const value = each.values[i] ?? 0;
      if (value <= 0) continue;
      const bar = svg("rect", {
        x: LEFT + i * step + step * 0.12,
        width: Math.max(1, step * 0.76),
        y: y(sum + value),
        height: y(sum) - y(sum + value),
        class: `series-${each.name}`,
      });
      bar.append(svg("title", null, `${label}: ${each.label} ${show(value)}`));
      group.append(bar);
      sum += value;
    }
  });
  return group;
}

/** @param {Series} series @param {number} step @param {(value: number) => number} y */
function line(series, step, y) {
  const group = svg("g", { class: `series-${series.name}` });
  let path = "";
  series.values.forEach((value, i) => {
    if (value === null) return;
    const x = LEFT + (i + 0.5) * step;
    path += `${path && series.values[i - 1] !== null ? "L" : "M"}${x.toFixed(1)},${y(value).toFixed(1)}`;
    group.append(svg("circle", { cx: x, cy: y(value), r: 2.5 }));
  });
  if (path) group.prepend(svg("path", { d: path, class: "line" }));
  return group;
}

/** @param {Series[]} series */
function legend(series) {
  if (series.length < 2) return null;
  return h(
    "p",
    { class: "legend" },
    series.map((each) => h("span", null, h("i", { class: `key series-${each.name}` }), each.label)),
  );
}

/** @param {Chart} chart */
function numbers({ labels, series, show, title }) {
  const head = h(
    "tr",
    null,
    h("th", { scope: "col" }, t("chart.time")),
    series.map((each) => h("th", { scope: "col", class: "num" }, each.label)),
  );
  const rows = labels.map((label, i) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, label),
      series.map((each) => h("td", { class: "num" }, each.values[i] === null ? "–" : show(each.values[i] ?? 0))),
    ),
  );
  return h(
    "details",
    { class: "numbers" },
    h("summary", null, t("chart.table")),
    h("table", null, h("caption", { class: "visually-hidden" }, title), h("thead", null, head), h("tbody", null, rows)),
  );
}

/**
 * Bars by name, largest first.
 * @param {string} title
 * @param {[label: string, value: number][]} rows
 * @param {(value: number) => string} show
 */
export function nameChart(title, rows, show) {
  const most = Math.max(1, ...rows.map(([, value]) => value));
  return h(
    "figure",
    { class: "chart-box" },
    h("figcaption", null, title),
    rows.length
      ? h(
          "table",
          { class: "bars" },
          h("caption", { class: "visually-hidden" }, title),
          h(
            "tbody",
            null,
            rows.map(([label, value]) => {
              const bar = h("span", { class: "meter" });
              bar.style.width = `${(value / most) * 100}%`;
              return h(
                "tr",
                null,
                h("th", { scope: "row" }, label),
                h("td", { class: "num" }, show(value)),
                h("td", { class: "wide" }, bar),
              );
            }),
          ),
        )
      : h("p", { class: "fine" }, t("chart.none")),
  );
}

/**
 * The top of a scale with four steps that are easy to read; counts have whole ones.
 * @param {number} value
 * @param {boolean} counted
 */
function niceTop(value, counted) {
  if (value <= 4 && (counted || value <= 0)) return TICKS;
  const power = 10 ** Math.floor(Math.log10(value / TICKS));
  return TICKS * power * ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8].find(fits) ?? 10);

  /** @param {number} step */
  function fits(step) {
    return step * power * TICKS >= value && (!counted || Number.isInteger(step * power));
  }
}
