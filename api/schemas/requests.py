"""Kept requests on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from api.schemas.fields import (
    MAX_PAGE,
    Identifier,
    Latitude,
    Longitude,
    Maybe,
    PageQuery,
    QueryInteger,
    WireIn,
    WireOut,
)
from api.schemas.matches import WISHES_EXAMPLE, BasisOut, MatchesOut, WishesOut
from api.schemas.places import PlaceOut
from matcher.domain.match import DEFAULT_LIMIT, MAX_LIMIT, MatchAnswer, WindowKind
from matcher.domain.place import Coordinate
from matcher.search.requests.kept_request import FoundOffer, KeptRequest
from matcher.search.requests.of_offer import FittingRequest, FittingRequests

_ID = "01938a3e-7d4c-7b6e-9b5a-3f0f6a1c2d3e"
_OFFER_ID = "01938a41-02aa-7d11-8c4e-6b7f8a9b0c1d"
_WAITING: dict[str, Any] = {
    "id": _ID,
    "status": "WAITING",
    "origin": {"lat": -29.95, "lon": -71.337, "label": "Juan de Dios Melgarejo", "road_distance_m": 16.5},
    "destination": {"lat": -29.91, "lon": -71.252, "label": "Avenida Amunátegui", "road_distance_m": 4.8},
    "departure": {"earliest": "2026-12-01T07:30:00-03:00", "latest": "2026-12-01T08:15:00-03:00"},
    **WISHES_EXAMPLE,
    "created_at": "2026-11-24T20:45:13.187796Z",
    "expires_at": "2026-12-01T08:15:00-03:00",
}
_NOTHING_YET: dict[str, Any] = {
    "matches": [],
    "considered": 12,
    "feasible": 0,
    "turned_away": {"outside_window": 9, "detour": 3},
    "hints": [],
    "basis": {
        "co2": {
            "grams_per_km": 160.0,
            "source": "IPCC 2006 Guidelines",
            "assumption": "the rider would have driven alone",
        }
    },
    "took_ms": 4.2,
}
_FITTING: dict[str, Any] = {
    "request_id": _ID,
    "seats": 1,
    "near_pickup": {"lat": -29.9549, "lon": -71.3397, "time": "2026-12-01T07:52:00-03:00"},
    "near_dropoff": {"lat": -29.9073, "lon": -71.2518, "time": "2026-12-01T08:11:00-03:00"},
    "detour_min": 2,
}


class WindowOut(WireOut):
    """A time window, both ends included."""

    earliest: datetime
    latest: datetime


class RequestHeadOut(WireOut):
    """Which request it is, where it goes and when."""

    id: Identifier
    status: Literal["WAITING", "EXPIRED"] = Field(description="EXPIRED once its window has ended")
    origin: PlaceOut
    destination: PlaceOut
    departure: Maybe[WindowOut] = None
    arrival: Maybe[WindowOut] = None


class RequestOut(WishesOut, RequestHeadOut):
    """A search that waits for offers, with `departure` or `arrival` as requested."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WAITING]})

    created_at: datetime
    expires_at: datetime = Field(description="end of its window: until then new and changed offers are matched")

    @classmethod
    def from_domain(cls, kept: KeptRequest, now: datetime, **more: Any) -> Self:
        request = kept.request
        return cls.of(
            request,
            id=kept.id,
            status="WAITING" if now <= kept.expires_at else "EXPIRED",
            origin=PlaceOut.from_domain(request.origin),
            destination=PlaceOut.from_domain(request.destination),
            departure=WindowOut.of(request.window) if request.window_kind is WindowKind.DEPARTURE else None,
            arrival=WindowOut.of(request.window) if request.window_kind is WindowKind.ARRIVAL else None,
            preferences=dict(request.preferences),
            created_at=kept.created_at,
            expires_at=kept.expires_at,
            **more,
        )


class KeptRequestOut(RequestOut):
    """A new request with its current matches. Later ones are reported as events `match_found`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WAITING | {"present": _NOTHING_YET}]})

    present: MatchesOut = Field(description="the current matches, as of `POST /v1/match`")

    @classmethod
    def with_matches(cls, kept: KeptRequest, answer: MatchAnswer, basis: BasisOut, now: datetime) -> KeptRequestOut:
        return cls.from_domain(kept, now, present=MatchesOut.from_domain(answer, basis, explain=False))


class FoundOut(WireOut):
    """An offer found for the rider."""

    offer_id: Identifier
    found_at: datetime = Field(description="when the rider was shown it or notified")


class RequestDetailOut(RequestOut):
    """A request with the newest 100 offers found for it. To book one, get a `match_id` from its matches."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [_WAITING | {"found": [{"offer_id": _OFFER_ID, "found_at": "2026-11-25T08:10:02.500982Z"}]}]
        }
    )

    found: list[FoundOut]

    @classmethod
    def with_found(cls, kept: KeptRequest, found: list[FoundOffer], now: datetime) -> RequestDetailOut:
        return cls.from_domain(kept, now, found=[FoundOut.of(one) for one in found])


class RequestsOut(WireOut):
    """One page of your requests, oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"requests": [_WAITING]}]})

    requests: list[RequestOut]
    next_cursor: Maybe[str] = Field(None, description="for the next page; absent on the last one")


class RequestListQuery(PageQuery):
    """How many per page."""


class MatchesQuery(WireIn):
    """How many matches to return."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="maximum number of matches"), QueryInteger] = (
        DEFAULT_LIMIT
    )


class FittingQuery(WireIn):
    """How many requests to return."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="maximum number of requests"), QueryInteger] = 20


class NearOut(WireOut):
    """The centre of a square of at least a kilometre around a place, and when the driver is there, to the minute."""

    lat: Latitude
    lon: Longitude
    time: datetime

    @classmethod
    def around(cls, middle: Coordinate, time: datetime) -> NearOut:
        """Rounded to about ten metres: it is not a place."""
        return cls(lat=round(middle.lat, 4), lon=round(middle.lon, 4), time=time)


class FittingRequestOut(WireOut):
    """A waiting rider who could be carried. Identity and exact places are shown when the rider books."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FITTING]})

    request_id: Identifier
    seats: int = Field(description="seats needed")
    near_pickup: NearOut
    near_dropoff: NearOut
    detour_min: int = Field(description="added driving time, whole minutes")

    @classmethod
    def from_domain(cls, fitting: FittingRequest) -> FittingRequestOut:
        return cls.of(
            fitting,
            near_pickup=NearOut.around(fitting.near_pickup, fitting.pickup_at),
            near_dropoff=NearOut.around(fitting.near_dropoff, fitting.dropoff_at),
        )


class FittingRequestsOut(WireOut):
    """The requests that fit a trip, best for the rider first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"requests": [_FITTING], "fitting": 1}]})

    requests: list[FittingRequestOut]
    fitting: int = Field(ge=0, description="number of fitting requests, shown or not")

    @classmethod
    def from_domain(cls, found: FittingRequests) -> FittingRequestsOut:
        return cls(requests=[FittingRequestOut.from_domain(one) for one in found.best], fitting=found.fitting)
