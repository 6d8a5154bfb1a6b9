/** Times, distances and money as people read them. Times are those of the region, not of the browser. */

import { locale, t } from "./texts.js";

let zone = "UTC";

/** @param {string} name IANA name of the region's time zone */
export function useZone(name) {
  zone = name;
}

/** The region's time zone. */
export function zoneName() {
  return zone;
}

/**
 * @param {string | number | Date} moment
 * @param {Intl.DateTimeFormatOptions} options
 */
function shown(moment, options) {
  return new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }).format(new Date(moment));
}

/** @param {string | number | Date} moment */
export const clock = (moment) => shown(moment, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** @param {string | number | Date} moment */
export const day = (moment) => shown(moment, { weekday: "short", day: "numeric", month: "short" });

/** @param {string | number | Date} moment */
export const dayAndClock = (moment) => `${day(moment)}, ${clock(moment)}`;

/** @param {number} seconds */
export function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return t("unit.min", { n: minutes });
  const rest = minutes % 60;
  return rest === 0 ? t("unit.h", { n: minutes / 60 }) : t("unit.h_min", { h: Math.floor(minutes / 60), m: rest });
}

/** @param {number} metres */
export function distance(metres) {
  if (metres < 950) return `${number(Math.round(metres / 10) * 10)} m`;
  return `${number(metres / 1000, metres < 9950 ? 1 : 0)} km`;
}

/**
 * @param {number} value
 * @param {number} [digits]
 */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
}

/** @param {number} share */
export const percent = (share) =>
  new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 }).format(share);

/** @param {{amount: number, currency: string}} money */
export const money = ({ amount, currency }) =>
  new Intl.NumberFormat(locale, { style: "currency", currency }).format(amount);

/** @param {number} grams */
export const co2 = (grams) => (grams < 1000 ? `${number(grams)} g` : `${number(grams / 1000, 1)} kg`);

/** The name of a day of the week, Monday being 0. @param {number} index */
export const weekday = (index) =>
  new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, 1 + index)));

/**
 * The region's calendar day of a moment, as YYYY-MM-DD.
 * @param {Date | number} [moment]
 */
export function localDay(moment = Date.now()) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" }).format(moment);
}

/**
 * The moment that the region's clocks show a day and a time, in RFC 3339 with the offset of that moment. A time that a
 * change of clocks skips is the one as far after the change.
 * @param {string} date YYYY-MM-DD
 * @param {string} time HH:MM
 */
export function momentAt(date, time) {
  const wanted = Date.parse(`${date}T${time}:00Z`);
  let offset = offsetMs(wanted);
  offset = offsetMs(wanted - offset);
  const minutes = Math.round(offset / 60_000);
  const sign = minutes < 0 ? "-" : "+";
  const pad = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${date}T${time}:00${sign}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
}

/** How far the region's clocks are ahead of UTC at a moment. @param {number} moment */
function offsetMs(moment) {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(moment);
  const of = (/** @type {string} */ type) => Number(parts.find((part) => part.type === type)?.value);
  const local = Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second"));
  return local - Math.floor(moment / 1000) * 1000;
}
