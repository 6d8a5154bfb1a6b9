"""Offers on the wire: what a driver sends to publish and to change a trip, and what is answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from api.schemas.fields import (
    CLEANED,
    Absent,
    Identifier,
    Integral,
    Maybe,
    Metres,
    OfferStatusName,
    PageQuery,
    Seconds,
    Time,
    WireIn,
    WireOut,
    text,
)
from api.schemas.money import MoneyOut, PriceAdviceOut, PriceIn
from api.schemas.places import PlaceIn, PlaceOut
from matcher.domain.errors.tree import Fault
from matcher.domain.money import CostRate
from matcher.domain.offer import (
    CLEARABLE,
    DEFAULT_FLEXIBILITY_S,
    MAX_COMMENT,
    MAX_DETOUR_M,
    MAX_DETOUR_S,
    MAX_FLEXIBILITY_S,
    MAX_SEATS,
    MAX_VIA,
    Offer,
    OfferChange,
    OfferDraft,
    OfferStatus,
    TripFields,
)
from matcher.domain.place import Place
from matcher.domain.series import Direction, PartOfSeries

Seats = Annotated[int, Field(ge=1, le=MAX_SEATS, description="free seats", examples=[3]), Integral]
Flexibility = Annotated[
    int,
    Field(
        ge=0, le=MAX_FLEXIBILITY_S, description="how much earlier or later the trip may depart, seconds", examples=[600]
    ),
    Integral,
]
DetourSeconds = Annotated[
    int, Field(ge=0, le=MAX_DETOUR_S, description="maximum added driving time, seconds", examples=[600]), Integral
]
DetourMetres = Annotated[
    int, Field(ge=0, le=MAX_DETOUR_M, description="maximum added distance, metres", examples=[8000]), Integral
]
Via = Annotated[list[PlaceIn], Field(max_length=MAX_VIA, description="stops on the way, in order", examples=[[]])]
WomenOnly = Annotated[
    bool,
    Field(description="only with women; requires that you share your own gender (`PATCH /v1/me`)", examples=[False]),
]
ShowDoor = Annotated[
    bool,
    Field(
        description="publish these exact places instead of the public points around them: for depots, not for homes",
        examples=[False],
    ),
]
InstantBooking = Annotated[bool, Field(description="confirm bookings at once, without asking the driver")]
Comment = Annotated[str, text(MAX_COMMENT, "shown to matched riders", "blue hatchback"), CLEANED]

_MORNING_TRIP: dict[str, Any] = {
    "origin": {"lat": -29.953, "lon": -71.338},
    "destination": {"lat": -29.9045, "lon": -71.2489},
    "departure": "2026-12-01T07:45:00-03:00",
    "flexibility_s": 600,
    "seats": 3,
    "max_detour_s": 600,
    "preferences": {"smoking": False},
    "comment": "blue hatchback",
}


class PreferencesIn(WireIn):
    """What is welcome in the car (true) or not (false); an absent key means no preference."""

    smoking: Absent[bool] = None
    pets: Absent[bool] = None
    music: Absent[bool] = None
    talk: Absent[bool] = None
    luggage: Absent[bool] = None

    def to_domain(self) -> dict[str, bool]:
        return {key: value for key, value in self.model_dump().items() if value is not None}


class PreferencesPatch(WireIn):
    """Preferences to set (true or false) or to remove (null); the others stay."""

    smoking: bool | None = None
    pets: bool | None = None
    music: bool | None = None
    talk: bool | None = None
    luggage: bool | None = None

    def merged(self, present: dict[str, bool]) -> dict[str, bool]:
        """RFC 7396 section 2 on one object."""
        merged = present | self.model_dump(exclude_unset=True)
        return {key: value for key, value in merged.items() if value is not None}


class TripIn(WireIn):
    """What a driver states of a trip, of a single one and of those of a series."""

    origin: PlaceIn
    destination: PlaceIn
    via: Via = Field(default_factory=list)
    seats: Seats
    flexibility_s: Flexibility = DEFAULT_FLEXIBILITY_S
    max_detour_s: Absent[DetourSeconds] = None
    max_detour_m: DetourMetres | None = None
    preferences: PreferencesIn = PreferencesIn()
    comment: Comment = ""
    instant_booking: InstantBooking = False
    women_only: WomenOnly = False
    show_door: ShowDoor = False
    price: Absent[PriceIn] = None

    def faults(self) -> list[Fault]:
        return [] if self.price is None else self.price.faults()


class TripPatch(WireIn):
    """What may change of it, in a JSON merge patch (RFC 7396): absent keys stay as they are."""

    origin: Absent[PlaceIn] = None
    destination: Absent[PlaceIn] = None
    via: Via | None = None
    seats: Absent[Seats] = None
    flexibility_s: Absent[Flexibility] = None
    max_detour_s: Absent[DetourSeconds] = None
    max_detour_m: DetourMetres | None = None
    preferences: PreferencesPatch | None = None
    comment: Comment | None = None
    instant_booking: Absent[InstantBooking] = None
    women_only: Absent[WomenOnly] = None
    show_door: Absent[ShowDoor] = None
    price: PriceIn | None = None

    def faults(self) -> list[Fault]:
        return [] if self.price is None else self.price.faults()

    def domain_values(self, *names: str) -> dict[str, Any]:
        """The same; null empties the list of stops and the comment."""
        emptied = {name: empty for name, empty in (("via", ()), ("comment", "")) if name in self.model_fields_set}
        return {
            name: emptied.get(name) if value is None else value for name, value in super().domain_values(*names).items()
        }


#: TripOut of a trip.
TRIP_EXAMPLE: dict[str, Any] = {
    "origin": {"lat": -29.953, "lon": -71.338, "label": "José Santiago Aldunate", "road_distance_m": 22.2},
    "destination": {"lat": -29.9045, "lon": -71.2489, "label": "Eduardo de la Barra", "road_distance_m": 11.2},
    "via": [],
    "seats": 3,
    "flexibility_s": 900,
    "preferences": {"smoking": False},
    "comment": "blue hatchback",
    "instant_booking": False,
    "women_only": False,
    "show_door": False,
}


class TripOut(WireOut):
    """What a driver has stated of a trip."""

    origin: PlaceOut
    destination: PlaceOut
    via: list[PlaceOut]
    seats: int
    flexibility_s: int
    max_detour_s: Maybe[int] = Field(None, description="absent: the default for the route")
    max_detour_m: Maybe[int] = Field(None, description="absent: no limit in metres")
    preferences: dict[str, bool]
    comment: str
    instant_booking: bool
    women_only: bool
    show_door: bool
    price: Maybe[MoneyOut] = Field(None, description="per seat from end to end; absent: the suggested price")

    @classmethod
    def of_trip(cls, stated: TripFields, places: Sequence[Place], **more: Any) -> Self:
        """`places` are in driving order."""
        origin, *via, destination = map(PlaceOut.from_domain, places)
        price = None if stated.price is None else MoneyOut.from_domain(stated.price)
        preferences = dict(stated.preferences)
        return cls.of(
            stated, origin=origin, via=via, destination=destination, preferences=preferences, price=price, **more
        )


class OfferIn(TripIn):
    """A trip to publish."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MORNING_TRIP]})

    departure: Time

    def to_domain(self) -> OfferDraft:
        return OfferDraft(**self.domain_values())


class OfferPatch(TripPatch):
    """A JSON merge patch (RFC 7396): absent keys stay as they are.

    null removes `max_detour_m`, `comment`, `via`, `price` and single preferences, or all of them. Places and `via` are
    replaced as a whole.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"seats": 2, "departure": "2026-12-01T08:00:00-03:00"}]})

    departure: Absent[Time] = None

    @property
    def needs_current(self) -> bool:
        """Whether the outcome depends on the current preferences."""
        return self.preferences is not None

    def to_domain(self, current: Offer | None) -> OfferChange:
        """The change. `current` is needed only when `needs_current`."""
        given, values = self.model_fields_set, self.domain_values()
        preferences: dict[str, bool] | None = None
        if self.preferences is not None:
            preferences = self.preferences.merged(dict(current.preferences) if current is not None else {})
        elif "preferences" in given:
            preferences = {}
        cleared = {f"clear_{name}": name in given and values[name] is None for name in CLEARABLE}
        return OfferChange(**(values | {"preferences": preferences} | cleared))


class OfferListQuery(PageQuery):
    """Which offers, and how many per page."""

    status: Absent[
        Annotated[Literal["OPEN", "CANCELLED", "PAST"], Field(description="only offers with this status")]
    ] = None
    from_: Absent[Annotated[Time, Field(description="departing at or after")]] = Field(None, alias="from")
    to: Absent[Annotated[Time, Field(description="departing at or before")]] = None

    def faults(self) -> list[Fault]:
        if self.from_ is not None and self.to is not None and self.to < self.from_:
            return [Fault("/to", "must not be before `from`", "window_ends_before_it_begins")]
        return []

    @property
    def status_wanted(self) -> OfferStatus | None:
        return None if self.status is None else OfferStatus(self.status)


class PartOfSeriesOut(WireOut):
    """The series that a trip belongs to."""

    id: Identifier
    day: date = Field(alias="date", description="local date of the outward trip")
    direction: Direction = Field(description="OUT: the outward trip; BACK: the return")
    detached: bool = Field(description="changed or cancelled separately: it no longer follows the series")

    @classmethod
    def from_domain(cls, part: PartOfSeries) -> PartOfSeriesOut:
        return cls.of(part, id=part.series_id, day=part.key.day, direction=part.key.direction)


class OfferHeadOut(WireOut):
    """What tells a trip, and its version, from others."""

    id: Identifier
    status: OfferStatusName
    version: Annotated[int, Field(ge=1, description="increases by one with every change; the ETag")]


class OfferSummaryOut(TripOut, OfferHeadOut):
    """A published trip."""

    public_origin: Maybe[PlaceOut] = Field(
        None, description="where riders see the trip begin, at `departure`; absent if that is `origin`"
    )
    public_destination: Maybe[PlaceOut] = Field(None, description="where riders see the trip end")
    public_via: Maybe[list[PlaceOut]] = Field(None, description="the stops that riders see")
    leave_home_at: Maybe[datetime] = Field(
        None, description="when to leave `origin` to be at `public_origin` on time, as planned now"
    )
    departure: datetime
    arrival: datetime = Field(description="when the driver arrives without riders")
    seats_left: int
    max_detour_s: int
    distance_m: Metres
    duration_s: Seconds
    created_at: datetime
    updated_at: datetime
    series: Maybe[PartOfSeriesOut] = Field(None, description="absent for a single trip")

    @classmethod
    def from_domain(cls, offer: Offer, viewer: str, part: PartOfSeries | None = None, **more: Any) -> Self:
        """As `viewer` sees it: the driver's own places are for the driver alone."""
        places: Sequence[Place] = (offer.origin, *offer.via, offer.destination)
        if offer.doors is not None and viewer == offer.driver_id:
            origin, *via, destination = map(PlaceOut.from_domain, places)
            places = offer.doors.places
            more |= {"public_origin": origin, "public_via": via, "public_destination": destination}
            more["leave_home_at"] = offer.leave_home_at
        names = ("id", "version", "departure", "arrival", "seats_left", "created_at", "updated_at")
        return cls.of_trip(
            offer.stated,
            places,
            **{name: getattr(offer, name) for name in names},
            status=offer.status.value,
            distance_m=offer.length_cm / 100,
            duration_s=offer.duration_ms / 1000,
            series=None if part is None else PartOfSeriesOut.from_domain(part),
            **more,
        )


class OfferOut(OfferSummaryOut):
    """A published trip with its route."""

    polyline: str = Field(description="the route, as an encoded polyline of precision 5")
    price_advice: Maybe[PriceAdviceOut] = Field(None, description="absent without a known cost of driving")

    @classmethod
    def with_route(
        cls, offer: Offer, viewer: str, polyline: str, rate: CostRate | None, part: PartOfSeries | None = None
    ) -> OfferOut:
        """The offer with its public drive, and what to ask for it when driving costs `rate`."""
        advice = None if rate is None else PriceAdviceOut.of_trip(rate, offer.length_cm, offer.seats_offered)
        return cls.from_domain(offer, viewer, part, polyline=polyline, price_advice=advice)


class OfferPageOut(WireOut):
    """One page of offers, by departure."""

    offers: list[OfferSummaryOut]
    next_cursor: Maybe[str] = Field(None, description="for the next page; absent on the last one")
