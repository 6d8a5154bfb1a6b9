"""A rider's search on the wire, and the ranked answer with its account of every offer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.schemas.fields import (
    Absent,
    Identifier,
    Integral,
    Latitude,
    Longitude,
    Maybe,
    Metres,
    Seconds,
    Share,
    Time,
    WireIn,
    WireOut,
)
from api.schemas.money import CostOfDrivingOut, FareOut
from api.schemas.offers import PreferencesIn, WomenOnly
from api.schemas.places import PlaceIn
from matcher.domain.errors.tree import Fault, InvalidWindow
from matcher.domain.match import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MAX_WALK_M,
    WISHES,
    Match,
    MatchAnswer,
    MeetingPoint,
    RequestDraft,
    ScorePart,
    ScorePartName,
    TimeWindow,
    Walking,
    WindowKind,
)
from matcher.domain.money import CostRate
from matcher.domain.offer import MAX_SEATS
from matcher.money.carbon import CarbonFactor

MORNING_SEARCH: dict[str, Any] = {
    "origin": {"lat": -29.95, "lon": -71.337},
    "destination": {"lat": -29.91, "lon": -71.252},
    "departure": {"earliest": "2026-12-01T07:30:00-03:00", "latest": "2026-12-01T08:15:00-03:00"},
    "seats": 1,
    "max_walk_m": 600,
    "limit": 10,
}
#: WishesOut of a request.
WISHES_EXAMPLE: dict[str, Any] = {"seats": 1, "max_walk_m": 600, "preferences": {"smoking": False}, "women_only": False}
_ASSUMPTION = (
    "the rider would have driven alone, in an average car, on the fastest route; "
    "a booking counts as one car whatever its seats, "
    "less the detour it adds"
)
_PARTS: dict[str, Any] = {
    "detour": {"value": 0.97, "weight": 0.4},
    "overlap": {"value": 0.944, "weight": 0.3},
    "time": {"value": 1.0, "weight": 0.1},
    "walk": {"value": 1.0, "weight": 0.1},
    "preferences": {"value": 1.0, "weight": 0.05},
    "price": {"value": 0.75, "weight": 0.05},
}
_ONE_WINDOW: dict[str, Any] = {"oneOf": [{"required": ["departure"]}, {"required": ["arrival"]}]}


class WindowIn(WireIn):
    """A time window of at most 24 hours, both ends included."""

    earliest: Time
    latest: Time

    def to_domain(self, pointer: str) -> TimeWindow:
        """Raises InvalidWindow that points at the window."""
        try:
            return TimeWindow(self.earliest, self.latest)
        except InvalidWindow as error:
            raise InvalidWindow(error.detail, faults=[Fault(pointer, error.detail, error.code)]) from None


class MatchIn(WireIn):
    """A search. Give either `departure` (from the origin) or `arrival` (at the destination); both include the walks."""

    model_config = ConfigDict(json_schema_extra={**_ONE_WINDOW, "examples": [MORNING_SEARCH]})

    origin: PlaceIn
    destination: PlaceIn
    departure: Absent[WindowIn] = None
    arrival: Absent[WindowIn] = None
    seats: Annotated[int, Field(ge=1, le=MAX_SEATS, description="seats needed"), Integral] = 1
    max_walk_m: Annotated[int, Field(ge=0, le=MAX_WALK_M, description="maximum walk at each end, metres"), Integral] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="maximum number of matches"), Integral] = DEFAULT_LIMIT
    preferences: PreferencesIn = PreferencesIn()
    women_only: WomenOnly = False
    explain: Annotated[bool, Field(description="include stage times and the measurements of each score part")] = False

    def faults(self) -> list[Fault]:
        if (self.departure is None) == (self.arrival is None):
            return [Fault("", "must have either `departure` or `arrival`, never both", "window_form")]
        return []

    def to_domain(self) -> RequestDraft:
        if self.departure is not None:
            kind, window = WindowKind.DEPARTURE, self.departure.to_domain("/departure")
        else:
            assert self.arrival is not None, "checked by faults()"
            kind, window = WindowKind.ARRIVAL, self.arrival.to_domain("/arrival")
        asked = self.domain_values("origin", "destination", "limit", *WISHES)
        return RequestDraft(window=window, window_kind=kind, **asked)


class WishesOut(WireOut):
    """What a rider asked for."""

    seats: int = Field(description="seats needed")
    max_walk_m: int = Field(description="maximum walk at each end, metres")
    preferences: dict[str, bool] = Field(description="the rider's preferences")
    women_only: bool = Field(description="only drivers who share being a woman")


class ScorePartOut(WireOut):
    """One part of the score; with `explain` also the measurement, and the ceiling at which the part becomes 0.

    The measurement of a price is its share of the cost of driving.
    """

    value: Share
    weight: Share
    measured: Maybe[float] = None
    ceiling: Maybe[float] = None
    unit: Maybe[str] = None

    @classmethod
    def from_domain(cls, part: ScorePart, *, explain: bool) -> ScorePartOut:
        value, weight = round(part.value, 6), round(part.weight, 6)
        return cls.of(part, value=value, weight=weight) if explain else cls(value=value, weight=weight)


class MeetingPointOut(WireOut):
    """Where and when the rider boards or alights."""

    lat: Latitude
    lon: Longitude
    label: str
    time: datetime
    walk_m: Metres
    walk_s: Seconds

    @classmethod
    def from_domain(cls, point: MeetingPoint) -> MeetingPointOut:
        """Every field; coordinates to a centimetre."""
        lat, lon = round(point.coordinate.lat, 7), round(point.coordinate.lon, 7)
        return cls.of(point, lat=lat, lon=lon, walk_m=round(point.walk_m, 2), walk_s=round(point.walk_s, 1))


class WalkingOut(WireOut):
    """What the rider's walks cost the rider and save the driver."""

    walk_s: Seconds = Field(description="both walks together")
    walk_m: Metres
    saved_detour_s: Maybe[float] = Field(
        None,
        description="door-to-door detour minus `detour_s`; absent when door to door is not possible",
    )
    saved_detour_m: Maybe[float] = None

    @classmethod
    def from_domain(cls, walking: Walking) -> WalkingOut:
        saved_s, saved_m = walking.saved_detour_s, walking.saved_detour_m
        return cls(
            walk_s=round(walking.walk_s, 1),
            walk_m=round(walking.walk_m, 2),
            saved_detour_s=None if saved_s is None else round(saved_s, 3),
            saved_detour_m=None if saved_m is None else round(saved_m, 2),
        )


class MatchOut(WireOut):
    """An offer that can carry the rider."""

    match_id: str = Field(description="opaque, signed, valid for a few minutes")
    offer_id: Identifier
    score: Share = Field(description="weighted sum of the parts")
    parts: dict[str, ScorePartOut] = Field(
        description=f"by name: {', '.join(f'`{name}`' for name in ScorePartName)}; more may be added", examples=[_PARTS]
    )
    pickup: MeetingPointOut
    dropoff: MeetingPointOut
    detour_s: float = Field(description="added driving time, seconds")
    detour_m: float = Field(description="added distance, metres; may be negative, as a faster route may be shorter")
    shared_m: Metres = Field(description="distance in common with the rider's own best route, metres")
    overlap: Share = Field(description="shared_m divided by the length of the rider's own best route")
    ride_s: Seconds
    ride_m: Metres
    seats_left: int
    comment: str = Field(description="comment of the driver for riders")
    price: Maybe[FareOut] = Field(None, description="for all seats; absent without a known cost of driving")
    co2_saved_g: int
    polyline: str = Field(
        description="route from pickup to dropoff, as an encoded polyline of precision 5, without its stops in between"
    )
    walking: Maybe[WalkingOut] = Field(None, description="absent when the rider is met at both doors")

    @classmethod
    def from_domain(cls, match: Match, *, explain: bool) -> MatchOut:
        """The match, with measures when it is to be explained."""
        return cls.of(
            match,
            score=round(match.score, 6),
            parts={name.value: ScorePartOut.from_domain(part, explain=explain) for name, part in match.parts.items()},
            pickup=MeetingPointOut.from_domain(match.pickup),
            dropoff=MeetingPointOut.from_domain(match.dropoff),
            overlap=round(match.overlap, 6),
            comment=match.stated.comment,
            price=None if match.fare is None else FareOut.from_fare(match.fare),
            walking=None if match.walking is None else WalkingOut.from_domain(match.walking),
        )


class HintOut(WireOut):
    """What would have helped."""

    code: str
    would_match: int = Field(ge=0, description="offers that would then match")
    detail: str
    amount: Maybe[float] = None
    unit: Maybe[str] = None


class CarbonBasisOut(WireOut):
    """The basis of `co2_saved_g`."""

    grams_per_km: float = Field(ge=0, description="CO2 equivalent of an average car")
    source: str
    assumption: str


class BasisOut(WireOut):
    """The basis of prices and savings."""

    co2: CarbonBasisOut
    cost_of_driving: Maybe[CostOfDrivingOut] = Field(None, description="absent when not known")

    @classmethod
    def from_domain(cls, carbon: CarbonFactor, rate: CostRate | None) -> BasisOut:
        co2 = CarbonBasisOut(grams_per_km=carbon.grams_per_km, source=carbon.source, assumption=_ASSUMPTION)
        return cls(co2=co2, cost_of_driving=None if rate is None else CostOfDrivingOut.from_domain(rate))


class MatchesOut(WireOut):
    """The ranked matches, best first. considered = feasible + the sum of turned_away."""

    matches: list[MatchOut]
    considered: int = Field(ge=0, description="number of active offers")
    feasible: int = Field(ge=0, description="offers that can carry the rider, shown or not")
    turned_away: dict[str, int] = Field(description="offers by the first reason that ruled them out")
    hints: list[HintOut]
    basis: BasisOut
    took_ms: float = Field(ge=0)
    stages_ms: Maybe[dict[str, float]] = Field(None, description="with `explain`: milliseconds per stage")

    @classmethod
    def from_domain(cls, answer: MatchAnswer, basis: BasisOut, *, explain: bool) -> MatchesOut:
        """The answer, with stage times and measures when it is to be explained."""
        return cls.of(
            answer,
            matches=[MatchOut.from_domain(match, explain=explain) for match in answer.matches],
            turned_away={reason.value: count for reason, count in answer.turned_away.items()},
            hints=[HintOut.of(hint) for hint in answer.hints],
            basis=basis,
            took_ms=round(answer.took_ms, 3),
            stages_ms={stage: round(ms, 3) for stage, ms in answer.stages_ms.items()} if explain else None,
        )
