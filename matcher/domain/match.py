"""A rider's wish, and what the service answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar, cast
from uuid import UUID

from matcher.domain.clock import between
from matcher.domain.errors.tree import InvalidWindow
from matcher.domain.money import Money
from matcher.domain.offer import NO_PREFERENCES, TripFields
from matcher.domain.place import Coordinate, Place, PlaceInput

MAX_WINDOW_S = 24 * 3600
MAX_WALK_M = 5_000
MAX_LIMIT = 50
DEFAULT_LIMIT = 10

PlaceT = TypeVar("PlaceT")


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """A closed interval of time. Raises InvalidWindow when it ends before it begins or is longer than 24 h."""

    earliest: datetime
    latest: datetime

    def __post_init__(self) -> None:
        length = between(self.earliest, self.latest)
        if length < timedelta(0):
            raise InvalidWindow("the window ends before it begins: `latest` must not be before `earliest`")
        if length > timedelta(seconds=MAX_WINDOW_S):
            raise InvalidWindow("the window is longer than 24 hours: search day by day")


class WindowKind(StrEnum):
    """What the rider's window is about: leaving their door (departure) or arriving at it (arrival).

    For who is met at the door that is boarding and alighting; for who walks, boarding less the walk there, and
    alighting plus the walk from there.
    """

    DEPARTURE = "departure"
    ARRIVAL = "arrival"


@dataclass(frozen=True)  # without slots: Python 3.11 cannot make a frozen one with them through an alias
class RideRequest(Generic[PlaceT]):
    """A rider's wish, with places as written (RequestDraft) or on the road (MatchRequest).

    `women_only`: only drivers who share being women are shown; `rider_is_woman` is what the rider shares.
    `search_id`: the search's row in the statistics; None when it is not counted.
    """

    origin: PlaceT
    destination: PlaceT
    window: TimeWindow
    window_kind: WindowKind
    seats: int = 1
    max_walk_m: int = 0
    limit: int = DEFAULT_LIMIT
    preferences: Mapping[str, bool] = field(default_factory=lambda: NO_PREFERENCES)
    women_only: bool = False
    rider_is_woman: bool = False
    rider_id: str = ""
    search_id: UUID | None = None

    def of(self, rider_id: str, origin: Place, destination: Place, *, is_woman: bool) -> MatchRequest:
        """The same wish of a known rider, with its places on the road."""
        known: MatchRequest = replace(cast("MatchRequest", self), origin=origin, destination=destination)
        return replace(known, rider_id=rider_id, rider_is_woman=is_woman)


#: What a rider asks for beside where, when and how many answers: kept with a request under the same names.
WISHES = tuple(
    f.name
    for f in fields(RideRequest)
    if f.name
    not in {
        "origin", "destination", "window", "window_kind", "limit", "rider_is_woman", "rider_id", "search_id",
    }
)  # fmt: skip
RequestDraft = RideRequest[PlaceInput]
MatchRequest = RideRequest[Place]


class TurnedAway(StrEnum):
    """Why an offer cannot carry the rider. The first that applies, in this order, is the one that is counted.

    OUTSIDE_WINDOW is told apart twice: first when the whole trip, with all its flexibility and detour, lies outside the
    window; and last when all else fits and the pickup (or dropoff) time does not. DETOUR: also where one of the two
    rides with women only and the other does not share to be one, as a reason of its own would show who does, and where
    there is no way at all. CHANGED: it would have matched, and was booked, changed or cancelled while the answer was
    made.
    """

    OWN_OFFER = "own_offer"
    OUTSIDE_WINDOW = "outside_window"
    NO_SEATS = "no_seats"
    DETOUR = "detour"
    DETOUR_LENGTH = "detour_length"
    CHANGED = "changed"


class ScorePartName(StrEnum):
    """The parts of a score, each in [0, 1]. PRICE: 1 for a free seat, 0 for one that asks for all that the drive costs;
    an offer without a price
    counts with the suggestion, and where no cost of driving is known each counts as 1."""

    DETOUR = "detour"
    OVERLAP = "overlap"
    WALK = "walk"
    TIME = "time"
    PREFERENCES = "preferences"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One part of a score: `value` in [0, 1] and its `weight`; all weights of a score sum to 1.

    `measured` is the raw quantity in `unit`, and `ceiling` the amount at which `value` reaches its worst (or best).
    """

    value: float
    weight: float
    measured: float
    ceiling: float
    unit: str


@dataclass(frozen=True, slots=True)
class MeetingPoint:
    """Where and when a rider boards or alights, and the walk to or from it."""

    coordinate: Coordinate
    label: str
    time: datetime
    walk_m: float
    walk_s: float


@dataclass(frozen=True, slots=True)
class Walking:
    """What it means that the rider walks: what it costs them, and what it saves the driver.

    saved_detour_s and saved_detour_m: the detour that carrying the rider from door to door would add, less the detour
    of the match (the length may be negative: a faster way may be longer). None where this offer could not carry them
    from door to door at all.
    """

    walk_s: float
    walk_m: float
    saved_detour_s: float | None
    saved_detour_m: float | None


class PriceKind(StrEnum):
    """Who named a price: the driver, or we in the driver's place."""

    DRIVER = "driver"
    SUGGESTED = "suggested"


@dataclass(frozen=True, slots=True)
class Fare:
    """What a ride costs its rider, all seats together."""

    money: Money
    kind: PriceKind


@dataclass(frozen=True, slots=True)
class Match:
    """A feasible insertion, scored. Lengths in metres, times in seconds; the polyline covers the shared ride only."""

    match_id: str
    offer_id: UUID
    score: float
    parts: Mapping[ScorePartName, ScorePart]
    pickup: MeetingPoint
    dropoff: MeetingPoint
    detour_s: float
    detour_m: float
    shared_m: float
    overlap: float
    ride_s: float
    ride_m: float
    seats_left: int
    co2_saved_g: int
    polyline: str
    stated: TripFields  # what the driver states of the trip; callers are shown a part of it
    walking: Walking | None = None  # None for who is met at both doors
    fare: Fare | None = None  # None where no cost of driving is known and the driver names no price


@dataclass(frozen=True, slots=True)
class Hint:
    """What would have helped: a stable code, how many offers would then match, and by how much to change the
    request."""

    code: str
    would_match: int
    detail: str
    amount: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class MatchAnswer:
    """The ranked matches, and an honest account of everything that was considered.

    considered = every active offer; len(feasible) + sum(turned_away.values()) == considered.
    """

    matches: tuple[Match, ...]
    considered: int
    feasible: int
    turned_away: Mapping[TurnedAway, int]
    hints: tuple[Hint, ...]
    took_ms: float
    stages_ms: Mapping[str, float]
