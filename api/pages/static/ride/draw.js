/** What the map shows of a search, a match and a booking. */

import { clock } from "../lib/format.js";
import { t } from "../lib/texts.js";
import { decode, sharedPieces } from "../map/polyline.js";

/**
 * @typedef {import("../map/map.js").RegionMap} RegionMap
 * @typedef {import("../map/map.js").Line} Line
 * @typedef {import("../map/map.js").Pin} Pin
 * @typedef {import("../map/polyline.js").Point} Point
 * @typedef {{lat: number, lon: number, label?: string}} Spot
 * @typedef {{origin: Spot | null, destination: Spot | null}} Ends
 */

/** @param {Spot} spot @returns {Point} */
const at = (spot) => [spot.lon, spot.lat];

/** @param {Ends} ends @returns {Pin[]} */
function endPins({ origin, destination }) {
  /** @type {Pin[]} */
  const pins = [];
  if (origin) pins.push({ at: at(origin), kind: "origin", text: "A", label: origin.label ?? t("place.from") });
  if (destination)
    pins.push({ at: at(destination), kind: "destination", text: "B", label: destination.label ?? t("place.to") });
  return pins;
}

/** @param {RegionMap} map @param {Ends} ends */
export function drawSearch(map, ends) {
  const pins = endPins(ends);
  map.drawLines([]);
  map.drawPins(pins);
  if (pins.length) map.show(pins.map((pin) => pin.at));
}

/**
 * The ride, the walks to and from it, and what it shares with the rider's own best way where that is known.
 * @param {RegionMap} map
 * @param {any} match
 * @param {Ends} ends
 * @param {string} [direct]
 */
export function drawMatch(map, match, ends, direct) {
  const ride = decode(match.polyline);
  const pickup = at(match.pickup);
  const dropoff = at(match.dropoff);
  /** @type {Line[]} */
  const lines = [];
  if (direct) lines.push({ kind: "other", points: decode(direct) });
  lines.push({ kind: "ride", points: ride });
  if (direct) for (const piece of sharedPieces(ride, decode(direct))) lines.push({ kind: "shared", points: piece });
  if (ends.origin && match.pickup.walk_m > 0) lines.push({ kind: "walk", points: [at(ends.origin), pickup] });
  if (ends.destination && match.dropoff.walk_m > 0)
    lines.push({ kind: "walk", points: [dropoff, at(ends.destination)] });
  map.drawLines(lines);
  map.drawPins([
    ...endPins(ends).filter((pin) => (pin.kind === "origin" ? match.pickup : match.dropoff).walk_m > 0),
    { at: pickup, kind: "stop", text: clock(match.pickup.time), label: match.pickup.label },
    { at: dropoff, kind: "stop", text: clock(match.dropoff.time), label: match.dropoff.label },
  ]);
  map.show([...ride, ...lines.flatMap((line) => line.points)]);
}

/** @param {RegionMap} map @param {any} booking */
export function drawBooking(map, booking) {
  const stops = [booking.pickup, booking.dropoff];
  map.drawLines([{ kind: "other", points: stops.map(at) }]);
  map.drawPins(
    stops.map((stop) => ({
      at: at(stop),
      kind: "stop",
      text: clock(stop.time),
      label: stop.label ?? t("booking.about"),
    })),
  );
  map.show(stops.map(at));
}
