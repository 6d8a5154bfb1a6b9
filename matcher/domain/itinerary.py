"""The stops of a trip: where its driver goes anyway, and where riders with a booking board and alight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from matcher.domain.errors.tree import InvalidField
from matcher.domain.place import Place


class StopKind(StrEnum):
    """What a stop is for. ORIGIN and DESTINATION are the ends of a trip; VIA was given by its driver."""

    ORIGIN = "ORIGIN"
    VIA = "VIA"
    PICKUP = "PICKUP"
    DROPOFF = "DROPOFF"
    DESTINATION = "DESTINATION"


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of an itinerary.

    A PICKUP or DROPOFF belongs to a booking of `seats` seats, and was promised to its rider to be neither before
    `earliest` nor after `latest`; the driver's own stops carry no promise. `at_door`: the rider is met at their door,
    while the position of the place is what stands for the doors around a public point.
    """

    kind: StopKind
    place: Place
    booking_id: UUID | None = None
    seats: int = 0
    earliest: datetime | None = None
    latest: datetime | None = None
    at_door: bool = False


def seats_by_leg(stops: tuple[Stop, ...], seats_offered: int) -> tuple[int, ...]:
    """Seats that are free on each leg, from stop k to stop k + 1; len(stops) - 1 of them.

    Raises InvalidField when somebody alights who has not boarded, rides to the end unasked, or a leg is oversold.
    """
    aboard: dict[UUID, int] = {}
    free: list[int] = []
    for stop in stops[:-1]:
        _board_or_alight(aboard, stop)
        left = seats_offered - sum(aboard.values())
        if left < 0:
            raise InvalidField("more seats are booked on a leg than the driver offers")
        free.append(left)
    _board_or_alight(aboard, stops[-1])
    if aboard:
        raise InvalidField("a booked rider does not alight")
    return tuple(free)


def _board_or_alight(aboard: dict[UUID, int], stop: Stop) -> None:
    if stop.kind not in {StopKind.PICKUP, StopKind.DROPOFF}:
        return
    if stop.booking_id is None or stop.seats < 1:
        raise InvalidField(f"a {stop.kind.value} needs a booking and its seats")
    if stop.kind is StopKind.PICKUP:
        if stop.booking_id in aboard:
            raise InvalidField("a rider boards twice")
        aboard[stop.booking_id] = stop.seats
    elif aboard.pop(stop.booking_id, None) != stop.seats:
        raise InvalidField("a rider alights without having boarded with the same number of seats")
