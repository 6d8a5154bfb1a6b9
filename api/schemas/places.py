"""Places on the wire: coordinates or an address, never both; and places as they were resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from api.schemas.fields import (
    CLEANED,
    Absent,
    Latitude,
    Longitude,
    Maybe,
    Metres,
    QueryInteger,
    QueryNumber,
    Share,
    WireIn,
    WireOut,
    line,
)
from matcher.domain.errors.tree import Fault
from matcher.domain.place import Coordinate, GeocodedPlace, Place, PlaceInput

MAX_ADDRESS = 200
MAX_CANDIDATES = 20


class CoordinatesIn(WireIn):
    """A place by its coordinates."""

    lat: Latitude
    lon: Longitude

    def to_domain(self) -> PlaceInput:
        """The place, not yet on a road."""
        return PlaceInput(coordinate=Coordinate(lat=self.lat, lon=self.lon))


class AddressIn(WireIn):
    """A place by its address, resolved by the service's geocoders."""

    address: Annotated[
        str, line(MAX_ADDRESS, "street and number, crossing, or name", "Avenida La Cantera, Coquimbo"), CLEANED
    ]

    def to_domain(self) -> PlaceInput:
        return PlaceInput(address=self.address.strip())


#: Tags of a union show up in the locations of faults; this mark tells them from keys (see api.call.reading).
TAG_MARK = "<"


def _form(value: object) -> str | None:
    """Which of the two forms is meant; None when undecidable, which is then the only fault of the place."""
    if isinstance(value, CoordinatesIn):
        return "<coordinates>"
    if isinstance(value, AddressIn):
        return "<address>"
    if not isinstance(value, Mapping):
        return None
    by_coordinates, by_address = "lat" in value or "lon" in value, "address" in value
    if by_coordinates == by_address:
        return None
    return "<coordinates>" if by_coordinates else "<address>"


PlaceIn = Annotated[
    Annotated[CoordinatesIn, Tag("<coordinates>")] | Annotated[AddressIn, Tag("<address>")],
    Discriminator(
        _form,
        custom_error_type="place_form",
        custom_error_message="must be an object with either `lat` and `lon` or `address`, never both",
    ),
    Field(description="coordinates or an address, never both", examples=[{"lat": -29.953, "lon": -71.338}]),
]


class PlaceOut(WireOut):
    """A resolved place."""

    lat: Latitude
    lon: Longitude
    label: str = Field(description="name of the place", examples=["Avenida La Cantera"])
    address: Maybe[str] = Field(None, description="the address as given, if any")
    road_distance_m: Metres = Field(description="straight-line distance to the road used, metres")

    @classmethod
    def from_domain(cls, place: Place) -> PlaceOut:
        """The place without its road position, which means nothing outside."""
        at = place.coordinate
        return cls.of(place, lat=at.lat, lon=at.lon, road_distance_m=round(place.road_distance_m, 1))


class GeocodeQuery(WireIn):
    """What to look up, and near which point."""

    q: Annotated[str, line(MAX_ADDRESS, "an address or the start of one", "avenida del mar"), CLEANED]
    limit: Annotated[int, Field(ge=1, le=MAX_CANDIDATES, description="maximum number of places"), QueryInteger] = 5
    lat: Absent[Annotated[float, Field(ge=-90, le=90, description="prefer places near this latitude"), QueryNumber]] = (
        None
    )
    lon: Absent[
        Annotated[float, Field(ge=-180, le=180, description="prefer places near this longitude"), QueryNumber]
    ] = None

    def faults(self) -> list[Fault]:
        """A latitude needs its longitude."""
        if (self.lat is None) != (self.lon is None):
            return [Fault("/lon" if self.lon is None else "/lat", "`lat` and `lon` must be given together", "missing")]
        return []

    def near(self) -> Coordinate | None:
        return None if self.lat is None or self.lon is None else Coordinate(lat=self.lat, lon=self.lon)


class ReverseQuery(WireIn):
    """The point to look up."""

    lat: Annotated[float, Field(ge=-90, le=90, description="degrees north", examples=[-29.953]), QueryNumber]
    lon: Annotated[float, Field(ge=-180, le=180, description="degrees east", examples=[-71.338]), QueryNumber]

    def to_domain(self) -> Coordinate:
        return Coordinate(lat=self.lat, lon=self.lon)


class GeocodedPlaceOut(WireOut):
    """One candidate of a look-up."""

    lat: Latitude
    lon: Longitude
    label: str
    precision: str = Field(description="house, interpolated, street, crossing or place", examples=["street"])
    score: Share = Field(description="quality of the match, comparable only within one answer")
    source: str = Field(description="the geocoder that answered", examples=["gazetteer"])

    @classmethod
    def from_domain(cls, place: GeocodedPlace) -> GeocodedPlaceOut:
        return cls.of(place, lat=place.coordinate.lat, lon=place.coordinate.lon, score=round(place.score, 6))


class PlacesOut(WireOut):
    """Candidates, best first; empty when nothing matches."""

    places: list[GeocodedPlaceOut]
