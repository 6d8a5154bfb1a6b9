"""A trip as it would be published, and what it would match."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.schemas.fields import Latitude, Longitude, QueryFlag, WireIn, WireOut
from api.schemas.offers import TRIP_EXAMPLE, OfferOut
from api.schemas.requests import FittingRequestOut, FittingRequestsOut
from matcher.domain.cell import Cell
from matcher.search.would_match import PAST_DAYS, WouldMatch

_BOX: dict[str, Any] = {"south": -29.955, "west": -71.3452, "north": -29.9455, "east": -71.3342}
_WOULD: dict[str, Any] = {
    "waiting": {"requests": [], "fitting": 0},
    "searches": {
        "days": 28,
        "least": 5,
        "fitting": 12,
        "hours": [{"hour": 7, "searches": 12}],
        "groups": [{"origin": _BOX, "searches": 12}],
    },
}
_TRIP: dict[str, Any] = {
    "id": "01938a41-02aa-7d11-8c4e-6b7f8a9b0c1d",
    "status": "OPEN",
    "version": 1,
    **TRIP_EXAMPLE,
    "departure": "2026-12-01T07:45:00-03:00",
    "arrival": "2026-12-01T07:56:00-03:00",
    "seats_left": 3,
    "max_detour_s": 300,
    "distance_m": 12137.0,
    "duration_s": 657.0,
    "created_at": "2026-11-24T20:45:13.187796Z",
    "updated_at": "2026-11-24T20:45:13.187796Z",
    "polyline": "xa_vDpzkrL??KFu@r@",
}


class CellOut(WireOut):
    """A square on the map of at least a kilometre."""

    south: Latitude
    west: Longitude
    north: Latitude
    east: Longitude

    @classmethod
    def from_domain(cls, cell: Cell) -> CellOut:
        (south_west, north_east) = cell.corners
        return cls(
            south=round(south_west.lat, 6),
            west=round(south_west.lon, 6),
            north=round(north_east.lat, 6),
            east=round(north_east.lon, 6),
        )


class HourOut(WireOut):
    """Searches for one hour of the day."""

    hour: Annotated[int, Field(ge=0, le=23, description="local hour in which the middle of the window lay")]
    searches: int


class FromCellOut(WireOut):
    """Searches that start in one cell."""

    origin: CellOut
    searches: int


class PastSearchesOut(WireOut):
    """Searches of the last weeks from and to places along the route.

    Hours and cells with fewer than `least` are left out.
    """

    days: int = Field(description="how many days back")
    least: int = Field(description="fewer searches than this are not disclosed")
    fitting: int = Field(ge=0, description="those for the hours in which the trip is under way; 0 below `least`")
    hours: list[HourOut] = Field(description="by local hour of the day, whatever the day")
    groups: list[FromCellOut] = Field(description="by the cell that they start in, most searches first")


class WouldMatchOut(WireOut):
    """What a trip would match if it were published."""

    waiting: FittingRequestsOut = Field(description="requests that wait now and fit")
    searches: PastSearchesOut

    @classmethod
    def from_domain(cls, found: WouldMatch) -> WouldMatchOut:
        past = found.past
        return cls(
            waiting=FittingRequestsOut(
                requests=[FittingRequestOut.from_domain(one) for one in found.best], fitting=found.fitting
            ),
            searches=PastSearchesOut(
                days=PAST_DAYS,
                least=past.least,
                fitting=past.fitting,
                hours=[HourOut(hour=hour, searches=count) for hour, count in past.hours],
                groups=[FromCellOut(origin=CellOut.from_domain(cell), searches=count) for cell, count in past.origins],
            ),
        )


class DryRunQuery(WireIn):
    """Whether anything is written."""

    dry_run: Annotated[
        bool,
        Field(description="true: plan the trip and look for riders, but publish nothing; the answer is 200"),
        QueryFlag,
    ] = False


class OfferPlanOut(OfferOut):
    """A trip as it would be published, and what it would match. Its id is not stored."""

    would_match: WouldMatchOut

    @classmethod
    def planned(cls, offer: OfferOut, found: WouldMatch) -> OfferPlanOut:
        return cls(**dict(offer), would_match=WouldMatchOut.from_domain(found))


class SeriesPlanOut(WireOut):
    """A series as it would be published: its first trip, how many of the coming weeks, and what these would match."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"trip": _TRIP, "trips": 20, "would_match": _WOULD}]})

    trip: OfferOut
    trips: int = Field(ge=0, description="trips that would be published at once; later ones follow as time passes")
    would_match: WouldMatchOut
