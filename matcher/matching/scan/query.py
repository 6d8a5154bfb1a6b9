"""A search in the numbers that kernels take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from matcher.domain.match import MatchRequest, WindowKind
from matcher.domain.place import RoadPosition
from matcher.matching.base.plan import to_ms
from matcher.matching.base.positions import fixed_position
from matcher.matching.index.encoding import preference_masks


class Terms(NamedTuple):
    """What the tests without roads ask; the window is that of boarding or alighting, for any walk."""

    seats: int
    earliest_ms: int
    latest_ms: int
    now_ms: int
    women_only: bool
    rider_is_woman: bool


class Asked(NamedTuple):
    """What the exact tests of a rider at the doors ask. Positions in fixed point; direct: packed, the rider's drive."""

    pickup_edge: int
    pickup_at: int
    dropoff_edge: int
    dropoff_at: int
    direct: int
    seats: int
    earliest_ms: int
    latest_ms: int
    window_is_arrival: bool
    now_ms: int


@dataclass(frozen=True, slots=True)
class MeetingCandidate:
    """Where a driver may stop for the rider, and how long the rider walks between it and the door."""

    position: RoadPosition
    walk_ms: int


@dataclass(frozen=True, slots=True)
class Query:
    """A rider's request: road positions, milliseconds since the epoch, bit masks over PREFERENCE_KEYS.

    pickup and dropoff are where the rider's doors meet the road. pickups and dropoffs are all places where the rider
    can be met, the door first, without a walk; none at all stand for the doors alone. earliest_ms and latest_ms are
    about leaving the door, or about arriving at it when window_is_arrival.
    """

    pickup: RoadPosition
    dropoff: RoadPosition
    seats: int
    earliest_ms: int
    latest_ms: int
    window_is_arrival: bool
    now_ms: int
    stated: int
    welcome: int
    pickups: tuple[MeetingCandidate, ...] = ()
    dropoffs: tuple[MeetingCandidate, ...] = ()
    women_only: bool = False
    rider_is_woman: bool = False

    @classmethod
    def of(
        cls,
        request: MatchRequest,
        now: datetime,
        pickups: Sequence[MeetingCandidate] = (),
        dropoffs: Sequence[MeetingCandidate] = (),
    ) -> Query:
        """The query of a request at a moment."""
        stated, welcome = preference_masks(request.preferences)
        return cls(
            pickup=request.origin.position,
            dropoff=request.destination.position,
            seats=request.seats,
            earliest_ms=to_ms(request.window.earliest),
            latest_ms=to_ms(request.window.latest),
            window_is_arrival=request.window_kind is WindowKind.ARRIVAL,
            now_ms=to_ms(now),
            stated=stated,
            welcome=welcome,
            pickups=tuple(pickups),
            dropoffs=tuple(dropoffs),
            women_only=request.women_only,
            rider_is_woman=request.rider_is_woman,
        )

    @property
    def walks(self) -> bool:
        """Whether the rider may be met anywhere but at the doors."""
        return len(self.pickups) > 1 or len(self.dropoffs) > 1

    @property
    def terms(self) -> Terms:
        """What the tests without roads ask."""
        return Terms(self.seats, *self.boarding_ms, self.now_ms, self.women_only, self.rider_is_woman)

    def asked(self, direct: int) -> Asked:
        """What the exact tests ask, with the packed cost of the rider's own drive."""
        return Asked(
            *fixed_position(self.pickup),
            *fixed_position(self.dropoff),
            direct,
            self.seats,
            self.earliest_ms,
            self.latest_ms,
            self.window_is_arrival,
            self.now_ms,
        )

    @property
    def boarding_ms(self) -> tuple[int, int]:
        """(earliest, latest) of boarding, or of alighting when window_is_arrival, for any walk."""
        if self.window_is_arrival:
            walks_ms = [-dropoff.walk_ms for dropoff in self.dropoffs] or [0]
        else:
            walks_ms = [pickup.walk_ms for pickup in self.pickups] or [0]
        return self.earliest_ms + min(walks_ms), self.latest_ms + max(walks_ms)

    def meeting_at(self, pickups: Sequence[MeetingCandidate], dropoffs: Sequence[MeetingCandidate]) -> Query:
        """The same with other places to be met at."""
        return replace(self, pickups=tuple(pickups), dropoffs=tuple(dropoffs))

    def widened(self, by_ms: int) -> Query:
        """The same with a window that begins earlier and ends later."""
        return replace(self, earliest_ms=self.earliest_ms - by_ms, latest_ms=self.latest_ms + by_ms)

    def with_seats(self, seats: int) -> Query:
        """The same for another number of seats."""
        return replace(self, seats=seats)
