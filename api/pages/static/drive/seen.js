/** What riders see of a trip, told to its driver. */

import { h } from "../lib/dom.js";
import { clock } from "../lib/format.js";
import { t } from "../lib/texts.js";

/** Where riders see a trip begin and end, if that is not where the driver lives and works. @param {any} trip */
export function seenByRiders(trip) {
  if (!trip.public_origin) return null;
  const places = { from: trip.public_origin.label, to: trip.public_destination.label };
  return h(
    "p",
    { class: "fine" },
    t("trip.public", places),
    trip.leave_home_at && `; ${t("trip.leave", { time: clock(trip.leave_home_at) })}`,
  );
}
