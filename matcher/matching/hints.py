"""What would have helped a rider who found little: the same exact scan with one thing changed."""

from __future__ import annotations

from collections.abc import Callable

from matcher.domain.match import Hint, TurnedAway
from matcher.matching.feasible import Feasible
from matcher.matching.query import Query

#: Hints are looked for when fewer offers than this can carry the rider.
FEW = 3
#: By how much a window is widened at each end, in minutes, until something more fits.
WIDER_MIN = (15, 30, 60, 120, 240)


def find_hints(scan: Callable[[Query], Feasible], query: Query, feasible: Feasible) -> tuple[Hint, ...]:
    """Hints with how many offers *more* would match, each found by another exact `scan`; empty when enough was found."""
    if len(feasible) >= FEW:
        return ()
    hints: list[Hint] = []
    if TurnedAway.OUTSIDE_WINDOW in feasible.turned_away:
        for minutes in WIDER_MIN:
            more = len(scan(query.widened(minutes * 60_000))) - len(feasible)
            if more > 0:
                detail = f"{_offers(more)} would fit if the time window were {minutes} minutes wider at each end"
                hints.append(Hint("widen_window", more, detail, minutes * 60, "s"))
                break
    if TurnedAway.NO_SEATS in feasible.turned_away:
        for seats in range(query.seats - 1, 0, -1):
            more = len(scan(query.with_seats(seats))) - len(feasible)
            if more > 0:
                hints.append(Hint("fewer_seats", more, f"{_offers(more)} would fit {seats} of you", seats, "seats"))
                break
    if feasible.nearest_miss_ms is not None:
        seconds = -(-feasible.nearest_miss_ms // 1000)
        detail = f"the nearest miss would need {seconds} s more detour than its driver accepts: try a place closer to a main road"
        hints.append(Hint("nearest_miss", 1, detail, seconds, "s"))
    return tuple(hints)


def _offers(count: int) -> str:
    return "1 more offer" if count == 1 else f"{count} more offers"
