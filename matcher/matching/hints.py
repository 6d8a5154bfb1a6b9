"""What would have helped a rider who found little: the same exact scan with one thing changed."""

from __future__ import annotations

from collections.abc import Callable

from matcher.domain.match import Hint, TurnedAway
from matcher.matching.feasible import Feasible
from matcher.matching.query import Query

#: Hints are looked for when fewer offers than this can carry the rider.
FEW = 3
#: By how much a window may be widened at each end, in minutes: the least after which something more fits is told.
WIDER_MIN = (15, 30, 60, 120, 240)


def find_hints(scan: Callable[[Query], Feasible], query: Query, feasible: Feasible) -> tuple[Hint, ...]:
    """Hints with how many offers *more* would match, each found by another exact `scan`; empty when enough was found."""
    if len(feasible) >= FEW:
        return ()
    hints: list[Hint] = []
    if TurnedAway.OUTSIDE_WINDOW in feasible.turned_away:
        minutes, more = _least_widening(scan, query, len(feasible))
        if more > 0:
            detail = f"{_offers(more)} would fit if the time window were {minutes} minutes wider at each end"
            hints.append(Hint("widen_window", more, detail, minutes * 60, "s"))
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


def _least_widening(scan: Callable[[Query], Feasible], query: Query, fitting: int) -> tuple[int, int]:
    """(minutes, how many more fit) of the least widening that helps; (_, 0) when none does.

    Each scan costs as much as the search itself, and a wider window never loses a match: where offers are many the least is
    enough, where they are few the most is not; between them a bisection finds the least that is.
    """

    def more(minutes: int) -> int:
        return len(scan(query.widened(minutes * 60_000))) - fitting

    least, most = WIDER_MIN[0], WIDER_MIN[-1]
    at_least = more(least)
    if at_least > 0:
        return least, at_least
    gain = more(most)
    between = list(WIDER_MIN[1:-1])
    while gain > 0 and between:
        middle = len(between) // 2
        at_middle = more(between[middle])
        if at_middle > 0:
            most, gain, between = between[middle], at_middle, between[:middle]
        else:
            between = between[middle + 1 :]
    return most, gain


def _offers(count: int) -> str:
    return "1 more offer" if count == 1 else f"{count} more offers"
