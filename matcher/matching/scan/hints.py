"""What would have helped a rider who found little: the same exact scan with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matcher.domain.match import Hint
from matcher.matching.scan.feasible import Feasible
from matcher.matching.scan.query import MeetingCandidate, Query
from matcher.matching.scan.reasons import REASONS

#: Hints are looked for when fewer offers than this can carry the rider.
FEW = 3
#: By how much a window may be widened at each end, in minutes: the least after which something more fits is told.
WIDER_MIN = (15, 30, 60, 120, 240)


@dataclass(frozen=True, slots=True)
class FartherWalk:
    """The places where a rider who walks `max_walk_m` metres at each end can be met: (pickups, dropoffs).

    A longer walk has the same places and more.
    """

    max_walk_m: int
    candidates: Callable[[], tuple[Sequence[MeetingCandidate], Sequence[MeetingCandidate]]]


def find_hints(
    scan: Callable[[Query], Feasible],
    query: Query,
    feasible: Feasible,
    farther: Sequence[FartherWalk] = (),
    scan_walking: Callable[[Query], Feasible] | None = None,
) -> tuple[Hint, ...]:
    """Hints with how many offers *more* would match, each found by another exact `scan`; empty when enough was found.

    farther: longer walks than the rider's, ascending; scan_walking tests a query with candidates of its own.
    """
    if len(feasible) >= FEW:
        return ()
    hints: list[Hint] = []
    mendable = {code for reason in REASONS if reason.name in feasible.turned_away for code in reason.relaxed_by}
    if "widen_window" in mendable:
        minutes, more = _least_that_helps(
            WIDER_MIN, lambda minutes: len(scan(query.widened(minutes * 60_000))) - len(feasible)
        )
        if more > 0:
            detail = f"{_offers(more)} would fit if the time window were {minutes} minutes wider at each end"
            hints.append(Hint("widen_window", more, detail, minutes * 60, "s"))
    if "fewer_seats" in mendable:
        for seats in range(query.seats - 1, 0, -1):
            more = len(scan(query.with_seats(seats))) - len(feasible)
            if more > 0:
                hints.append(Hint("fewer_seats", more, f"{_offers(more)} would fit {seats} of you", seats, "seats"))
                break
    if farther and scan_walking is not None and "walk_more" in mendable:
        walks = {walk.max_walk_m: walk for walk in farther}
        metres, more = _least_that_helps(
            tuple(walks),
            lambda metres: len(scan_walking(query.meeting_at(*walks[metres].candidates()))) - len(feasible),
        )
        if more > 0:
            detail = f"{_offers(more)} would fit if you walked up to {metres} m at each end"
            hints.append(Hint("walk_more", more, detail, metres, "m"))
    if feasible.nearest_miss_ms is not None:
        seconds = -(-feasible.nearest_miss_ms // 1000)
        detail = (
            f"the closest offer would need {seconds} s more detour than its driver accepts: "
            "try meeting nearer to its route"
        )
        hints.append(Hint("nearest_miss", 1, detail, seconds, "s"))
    return tuple(hints)


def _least_that_helps(amounts: Sequence[int], more: Callable[[int], int]) -> tuple[int, int]:
    """(amount, how many more fit) of the least amount that helps; (_, 0) when none does. amounts: ascending, at least
    one.

    Each look costs as much as the search itself, and a larger amount never loses a match: where offers are many the
    least is enough, where they are few the most is not; between them a bisection finds the least that is.
    """
    gain = more(amounts[0])
    if gain > 0 or len(amounts) == 1:
        return amounts[0], gain
    most, gain = amounts[-1], more(amounts[-1])
    between = list(amounts[1:-1])
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
