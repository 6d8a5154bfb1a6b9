"""A search made again for operators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from api.schemas.fields import (
    Absent,
    Identifier,
    Latitude,
    Longitude,
    Maybe,
    Share,
    WireIn,
    WireOut,
    line,
)
from api.schemas.matches import MORNING_SEARCH, MatchIn, ScorePartOut
from api.schemas.plans.would_match import CellOut
from api.schemas.requests import NearOut, WindowOut
from matcher.domain.errors.tree import Fault
from matcher.domain.match import WindowKind
from matcher.search.replay import Replayed, ReplayedCandidate


class ReplayIn(WireIn):
    """A search to replay: by its request id from the log, or given here."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["request_id"]}, {"required": ["search"]}],
            "examples": [{"request_id": "7f9c24e8d1b54c5f9a3e0c6d2b8a1f47"}, {"search": MORNING_SEARCH}],
        }
    )

    request_id: Absent[Annotated[str, line(64, "X-Request-Id of the search", "7f9c24e8d1b54c5f9a3e0c6d2b8a1f47")]] = (
        None
    )
    search: Absent[MatchIn] = None

    def faults(self) -> list[Fault]:
        if (self.request_id is None) == (self.search is None):
            return [Fault("", "must have either `request_id` or `search`, never both", "replay_form")]
        return [] if self.search is None else self.search.faults()


class ReplayedCandidateOut(WireOut):
    """An offer that can carry the rider now, about where and when."""

    offer_id: Identifier
    near_pickup: NearOut
    near_dropoff: NearOut
    detour_min: int = Field(description="added drive, whole minutes")
    score: Share
    parts: dict[str, ScorePartOut]
    seats_left: int


class LocatedOut(WireOut):
    """Offers that begin in one cell."""

    box: CellOut
    offers: int


class TurnedAwayOut(WireOut):
    """Offers turned away for one reason."""

    reason: str
    offers: int
    cells: list[LocatedOut] = Field(description="where offers that depart near the window begin; at most 300")


class PointOut(WireOut):
    """A point on the map."""

    lat: Latitude
    lon: Longitude


class AskedOut(WireOut):
    """What was searched.

    `at`, `considered`, `feasible`: what is stored of a search from the log, absent for a search given here.
    """

    origin: PointOut
    destination: PointOut
    departure: Maybe[WindowOut] = None
    arrival: Maybe[WindowOut] = None
    seats: int
    max_walk_m: int
    cells: bool = Field(description="true: from the middle of a cell to the middle of another, as no more is stored")
    at: Maybe[datetime] = None
    considered: Maybe[int] = None
    feasible: Maybe[int] = None


class ReplayOut(WireOut):
    """How a search is decided on the current offers."""

    asked: AskedOut
    candidates: list[ReplayedCandidateOut] = Field(description="best first, at most 20")
    considered: int
    feasible: int
    turned_away: list[TurnedAwayOut] = Field(description="most offers first")

    @classmethod
    def from_domain(cls, found: Replayed) -> ReplayOut:
        return cls(
            asked=_asked(found),
            candidates=[_candidate(one) for one in found.candidates],
            considered=found.considered,
            feasible=found.feasible,
            turned_away=[
                TurnedAwayOut(
                    reason=reason.value,
                    offers=count,
                    cells=[
                        LocatedOut(box=CellOut.from_domain(cell), offers=offers)
                        for cell, offers in sorted(found.located.get(reason, {}).items())
                    ],
                )
                for reason, count in sorted(found.turned_away.items(), key=lambda row: -row[1])
            ],
        )


def _asked(found: Replayed) -> AskedOut:
    request, stored = found.request, found.stored
    window = WindowOut(earliest=request.window.earliest, latest=request.window.latest)
    leaves = request.window_kind is WindowKind.DEPARTURE
    origin, destination = (
        PointOut(lat=round(place.coordinate.lat, 5), lon=round(place.coordinate.lon, 5))
        for place in (request.origin, request.destination)
    )
    return AskedOut(
        origin=origin,
        destination=destination,
        departure=window if leaves else None,
        arrival=None if leaves else window,
        seats=request.seats,
        max_walk_m=request.max_walk_m,
        cells=stored is not None,
        at=None if stored is None else stored.at,
        considered=None if stored is None else stored.considered,
        feasible=None if stored is None else stored.feasible,
    )


def _candidate(one: ReplayedCandidate) -> ReplayedCandidateOut:
    ride = one.ride
    return ReplayedCandidateOut(
        offer_id=one.offer.id,
        near_pickup=NearOut.around(ride.near_pickup, ride.pickup_at),
        near_dropoff=NearOut.around(ride.near_dropoff, ride.dropoff_at),
        detour_min=ride.detour_min,
        score=round(one.score, 6),
        parts={name.value: ScorePartOut.from_domain(part, explain=False) for name, part in one.parts.items()},
        seats_left=one.seats_left,
    )
