"""What would have helped a rider, by asking the matcher by the book again with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from matcher.domain.match import MatchRequest
from matcher.domain.offer import Offer
from tests.builders import Street
from tests.property.oracle import Meeting, Verdict, judge


def hints(
    streets: Sequence[Street],
    offers: Sequence[Offer],
    request: MatchRequest,
    now: datetime,
    pickups: Sequence[Meeting] = (),
    dropoffs: Sequence[Meeting] = (),
    farther: Sequence[tuple[int, Sequence[Meeting], Sequence[Meeting]]] = (),
    judged: Callable[..., Verdict] = judge,
) -> list[tuple[str, int, int]]:
    """(code, would_match, amount) of what would have helped, when fewer than three fit. farther: longer walks,
    ascending; judged: who is asked.
    """
    found = judged(streets, offers, request, now, pickups, dropoffs)
    if len(found.rides) >= 3:
        return []
    answer = []
    if "outside_window" in found.turned_away:
        for minutes in (15, 30, 60, 120, 240):
            more = len(judged(streets, offers, widened(request, minutes), now, pickups, dropoffs).rides) - len(
                found.rides
            )
            if more:
                answer.append(("widen_window", more, minutes * 60))
                break
    if "no_seats" in found.turned_away:
        for seats in range(request.seats - 1, 0, -1):
            more = len(judged(streets, offers, replace(request, seats=seats), now, pickups, dropoffs).rides) - len(
                found.rides
            )
            if more:
                answer.append(("fewer_seats", more, seats))
                break
    for metres, *meetings in farther if {"outside_window", "detour", "detour_length"} & set(found.turned_away) else ():
        more = len(judged(streets, offers, request, now, *meetings).rides) - len(found.rides)
        if more:
            answer.append(("walk_more", more, metres))
            break
    if found.nearest_miss_ms is not None:
        answer.append(("nearest_miss", 1, (found.nearest_miss_ms + 999) // 1000))
    return answer


def widened(request: MatchRequest, minutes: int) -> MatchRequest:
    """The same request with a window wider at each end. (Wider than a TimeWindow may be, when it must.)"""
    by = timedelta(minutes=minutes)
    window = object.__new__(type(request.window))
    object.__setattr__(window, "earliest", request.window.earliest - by)
    object.__setattr__(window, "latest", request.window.latest + by)
    return replace(request, window=window)
