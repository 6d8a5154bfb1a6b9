"""Series on the wire: trips that are made again and again, or there and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from api.schemas.fields import (
    EXAMPLE_DAY,
    MAX_YEAR,
    MIN_YEAR,
    Absent,
    Identifier,
    Integral,
    Maybe,
    OfferStatusName,
    QueryInteger,
    WireIn,
    WireOut,
)
from api.schemas.money import MoneyOut, PriceIn
from api.schemas.offers import (
    MAX_PAGE,
    Comment,
    DetourMetres,
    DetourSeconds,
    Flexibility,
    InstantBooking,
    PreferencesIn,
    PreferencesPatch,
    Seats,
    Via,
    WomenOnly,
)
from api.schemas.places import PlaceIn, PlaceOut
from api.schemas.stats import known_zone
from matcher.domain.errors import Fault
from matcher.domain.offer import DEFAULT_FLEXIBILITY_S
from matcher.domain.series import (
    MAX_DAYS_LATER,
    MAX_EXCEPTIONS,
    Direction,
    Occurrence,
    Phase,
    Series,
    SeriesChange,
    SeriesDraft,
    TripFields,
    WayBack,
)
from matcher.services.tend_series import LeftAlone

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CLOCK = re.compile(r"\d{2}:\d{2}", re.ASCII)
#: As in RFC 5545, Monday first.
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def _day(value: object) -> date:
    try:
        found = date.fromisoformat(value) if isinstance(value, str) and _DAY.fullmatch(value) else None
    except ValueError:
        found = None
    if found is None or not MIN_YEAR < found.year < MAX_YEAR:
        raise PydanticCustomError("invalid_date", f"must be a date of the calendar like {EXAMPLE_DAY}")
    return found


def _clock(value: object) -> time:
    try:
        found = time.fromisoformat(value) if isinstance(value, str) and _CLOCK.fullmatch(value) else None
    except ValueError:
        found = None
    if found is None:
        raise PydanticCustomError("invalid_local_time", "must be a time of day like 07:45, from 00:00 to 23:59")
    return found


_DAY_SCHEMA = Annotated[str, Field(json_schema_extra={"format": "date"})]
_CLOCK_SCHEMA = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Day = Annotated[date, Field(examples=[EXAMPLE_DAY]), BeforeValidator(_day, json_schema_input_type=_DAY_SCHEMA)]
LocalTime = Annotated[
    time,
    Field(description="by the clocks of `time_zone`; a time that does not exist on some day is the next that does"),
    BeforeValidator(_clock, json_schema_input_type=_CLOCK_SCHEMA),
]
Weekday = Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
Weekdays = Annotated[
    list[Weekday], Field(min_length=1, max_length=7, description="days of the week", examples=[["MO", "TU", "WE"]])
]
Exceptions = Annotated[
    list[Day], Field(max_length=MAX_EXCEPTIONS, description="dates on which it is not driven", examples=[[]])
]
ZoneName = Annotated[
    str, Field(max_length=64, description="IANA time zone; default: that of the origin"), AfterValidator(known_zone)
]


class ReturnIn(WireIn):
    """The way back: the same places in the other direction."""

    departure: LocalTime
    days_later: Annotated[
        int, Field(ge=0, le=MAX_DAYS_LATER, description="how many days after the way there"), Integral
    ] = 0

    def to_domain(self) -> WayBack:
        """When it leaves."""
        return WayBack(self.departure, self.days_later)


class SeriesIn(WireIn):
    """Trips to publish: on `weekdays` until further notice, or once on a `date`; there, or there and back."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "origin": {"lat": -29.953, "lon": -71.338},
                    "destination": {"lat": -29.9045, "lon": -71.2489},
                    "weekdays": ["MO", "TU", "WE", "TH", "FR"],
                    "from": EXAMPLE_DAY,
                    "departure": "07:45",
                    "return": {"departure": "17:30"},
                    "seats": 3,
                }
            ]
        }
    )

    origin: PlaceIn
    destination: PlaceIn
    departure: LocalTime
    seats: Seats
    weekdays: Absent[Weekdays] = None
    day: Absent[Annotated[Day, Field(description="for a trip that is made once")]] = Field(None, alias="date")
    from_: Absent[Annotated[Day, Field(description="first date; default: today")]] = Field(None, alias="from")
    until: Absent[Annotated[Day, Field(description="last date, at most a year later; default: no end")]] = None
    exceptions: Exceptions = Field(default_factory=list)
    time_zone: Absent[ZoneName] = None
    return_: ReturnIn | None = Field(None, alias="return")
    flexibility_s: Flexibility = DEFAULT_FLEXIBILITY_S
    max_detour_s: Absent[DetourSeconds] = None
    max_detour_m: DetourMetres | None = None
    via: Via = Field(default_factory=list)
    preferences: PreferencesIn = PreferencesIn()
    comment: Comment = ""
    instant_booking: InstantBooking = False
    women_only: WomenOnly = False
    price: Absent[PriceIn] = None

    def faults(self) -> list[Fault]:
        """What no single field can say."""
        faults = [] if self.price is None else self.price.faults()
        if (self.weekdays is None) == (self.day is None):
            faults.append(Fault("/weekdays", "either `weekdays` or `date`, never both", "weekdays_or_date"))
        if self.day is not None:
            given = {"/from": self.from_, "/until": self.until, "/exceptions": self.exceptions}
            faults += [
                Fault(at, "is for series with `weekdays`", "only_weekly") for at, value in given.items() if value
            ]
        return faults

    def to_domain(self) -> SeriesDraft:
        """The draft, before places are resolved."""
        return SeriesDraft(
            origin=self.origin.to_domain(),
            destination=self.destination.to_domain(),
            via=tuple(place.to_domain() for place in self.via),
            departure=self.departure,
            back=None if self.return_ is None else self.return_.to_domain(),
            trip=TripFields(
                seats=self.seats,
                flexibility_s=self.flexibility_s,
                max_detour_s=self.max_detour_s,
                max_detour_m=self.max_detour_m,
                preferences=self.preferences.to_domain(),
                comment=self.comment,
                instant_booking=self.instant_booking,
                women_only=self.women_only,
                price=None if self.price is None else self.price.to_domain(),
            ),
            day=self.day,
            weekdays=_numbers(self.weekdays or ()),
            from_date=self.from_,
            until=self.until,
            exceptions=frozenset(self.exceptions),
            zone_name=self.time_zone,
        )


class SeriesPatch(WireIn):
    """A JSON merge patch (RFC 7396) of what a series is like from a date on: an absent key keeps what is there.

    null removes `return`, `until`, `exceptions`, `max_detour_m`, `comment`, `via`, `price` and preferences. `exceptions` are replaced whole and hold for
    all dates; one that is left out of the list is driven again.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"departure": "08:00", "seats": 2}]})

    origin: Absent[PlaceIn] = None
    destination: Absent[PlaceIn] = None
    departure: Absent[LocalTime] = None
    seats: Absent[Seats] = None
    weekdays: Absent[Weekdays] = None
    until: Annotated[Day, Field(description="last date")] | None = None
    exceptions: Exceptions | None = None
    return_: ReturnIn | None = Field(None, alias="return")
    flexibility_s: Absent[Flexibility] = None
    max_detour_s: Absent[DetourSeconds] = None
    max_detour_m: DetourMetres | None = None
    via: Via | None = None
    preferences: PreferencesPatch | None = None
    comment: Comment | None = None
    instant_booking: Absent[InstantBooking] = None
    women_only: Absent[WomenOnly] = None
    price: PriceIn | None = None

    def faults(self) -> list[Fault]:
        """What no single field can say."""
        return [] if self.price is None else self.price.faults()

    def to_domain(self, present: Phase) -> SeriesChange:
        """The change; single preferences are merged into those of the phase that is changed."""
        given = self.model_fields_set
        simple = ("seats", "flexibility_s", "max_detour_s", "max_detour_m", "instant_booking", "women_only")
        trip: dict[str, object] = {name: getattr(self, name) for name in simple if name in given}
        if "comment" in given:
            trip["comment"] = self.comment or ""
        if "price" in given:
            trip["price"] = None if self.price is None else self.price.to_domain()
        if "preferences" in given:
            there = dict(present.trip.preferences)
            trip["preferences"] = {} if self.preferences is None else self.preferences.merged(there)
        return SeriesChange(
            origin=None if self.origin is None else self.origin.to_domain(),
            destination=None if self.destination is None else self.destination.to_domain(),
            via=tuple(place.to_domain() for place in self.via or ()) if "via" in given else None,
            departure=self.departure,
            back=None if self.return_ is None else self.return_.to_domain(),
            no_way_back="return_" in given and self.return_ is None,
            weekdays=None if self.weekdays is None else _numbers(self.weekdays),
            until=self.until,
            without_end="until" in given and self.until is None,
            exceptions=frozenset(self.exceptions or ()) if "exceptions" in given else None,
            trip=trip,
        )


class FromQuery(WireIn):
    """From which date on."""

    from_: Absent[Annotated[Day, Field(description="that date and all following; default: all that has not left")]] = (
        Field(None, alias="from")
    )


class SeriesListQuery(WireIn):
    """How many at a time."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="series a page"), QueryInteger] = 20
    cursor: Absent[Annotated[str, Field(max_length=200, description="`next_cursor` of the page before")]] = None

    @property
    def filters(self) -> object:
        """Which series are in the list."""
        return "series"


class ReturnOut(WireOut):
    """The way back."""

    departure: str = Field(description="local time")
    days_later: int


class PhaseOut(WireOut):
    """What the trips are like from a date on, until the next phase."""

    from_: date = Field(alias="from")
    until: Maybe[date] = Field(None, description="absent: no end")
    weekdays: list[Weekday] = Field(description="empty for a trip that is made once, on `from`")
    departure: str = Field(description="local time", examples=["07:45"])
    return_: Maybe[ReturnOut] = Field(None, alias="return")
    origin: PlaceOut
    destination: PlaceOut
    via: list[PlaceOut]
    seats: int
    flexibility_s: int
    max_detour_s: Maybe[int] = Field(None, description="absent: the default of the drive")
    max_detour_m: Maybe[int] = None
    preferences: dict[str, bool]
    comment: str
    instant_booking: bool
    women_only: bool
    price: Maybe[MoneyOut] = None

    @classmethod
    def from_domain(cls, phase: Phase) -> PhaseOut:
        """Every field."""
        trip, route, back = phase.trip, phase.route, phase.back
        return cls(
            from_=phase.from_date,
            until=phase.until,
            weekdays=[name for number, name in enumerate(WEEKDAYS, start=1) if number in phase.weekdays],  # type: ignore[misc]  # they are
            departure=phase.departure.isoformat("minutes"),
            return_=None
            if back is None
            else ReturnOut(departure=back.departure.isoformat("minutes"), days_later=back.days_later),
            origin=PlaceOut.from_domain(route.origin),
            destination=PlaceOut.from_domain(route.destination),
            via=[PlaceOut.from_domain(place) for place in route.via],
            seats=trip.seats,
            flexibility_s=trip.flexibility_s,
            max_detour_s=trip.max_detour_s,
            max_detour_m=trip.max_detour_m,
            preferences=dict(trip.preferences),
            comment=trip.comment,
            instant_booking=trip.instant_booking,
            women_only=trip.women_only,
            price=None if trip.price is None else MoneyOut.from_domain(trip.price),
        )


class OccurrenceOut(WireOut):
    """One trip of a series: an ordinary offer."""

    day: date = Field(alias="date", description="the local date on which the way there leaves")
    direction: Direction
    offer_id: Identifier
    departure: datetime
    status: OfferStatusName
    detached: bool = Field(description="it was changed or cancelled by itself: changes of the series leave it")

    @classmethod
    def from_domain(cls, occurrence: Occurrence, series: Series) -> OccurrenceOut:
        """Every field; the departure in the zone of the series."""
        return cls(
            day=occurrence.key.day,
            direction=occurrence.key.direction,
            offer_id=occurrence.offer_id,
            departure=occurrence.departure.astimezone(series.zone),
            status=occurrence.status.value,
            detached=occurrence.detached,
        )


class LeftAloneOut(WireOut):
    """A trip that could not follow a change of its series. It stays as it was, and goes its own way from now on."""

    day: date = Field(alias="date")
    direction: Direction
    offer_id: Identifier
    code: str = Field(
        description="as of the problem that changing the offer would give", examples=["promised_to_riders"]
    )
    detail: str
    bookings: Maybe[list[str]] = Field(None, description="whose riders were promised otherwise")

    @classmethod
    def from_domain(cls, left: LeftAlone) -> LeftAloneOut:
        """Every field."""
        return cls(
            day=left.key.day,
            direction=left.key.direction,
            offer_id=left.offer_id,
            code=left.code,
            detail=left.detail,
            bookings=left.extra.get("bookings"),
        )


class SeriesSummaryOut(WireOut):
    """Trips that are made again and again, or there and back."""

    id: Identifier
    status: Literal["OPEN", "CANCELLED"]
    version: Annotated[int, Field(ge=1, description="grows by one with every change; the ETag")]
    time_zone: str
    phases: list[PhaseOut]
    exceptions: list[date]
    ends_before: Maybe[date] = Field(None, description="withdrawn from this date on")
    trouble: Maybe[str] = Field(None, description="the code of the problem because of which no more trips are made")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def fields_of(cls, series: Series) -> dict[str, Any]:
        """The fields as they are named here."""
        return {
            "id": series.id,
            "status": series.status.value,
            "version": series.version,
            "time_zone": series.zone_name,
            "phases": [PhaseOut.from_domain(phase) for phase in series.phases],
            "exceptions": sorted(series.exceptions),
            "ends_before": series.ends_before,
            "trouble": series.trouble,
            "created_at": series.created_at,
            "updated_at": series.updated_at,
        }

    @classmethod
    def from_domain(cls, series: Series) -> SeriesSummaryOut:
        """The series without its trips."""
        return cls(**cls.fields_of(series))


class SeriesOut(SeriesSummaryOut):
    """A series with its trips that have not left."""

    occurrences: list[OccurrenceOut]
    left_alone: Maybe[list[LeftAloneOut]] = Field(None, description="trips that could not follow the change")

    @classmethod
    def with_trips(cls, series: Series, occurrences: Sequence[Occurrence], left: Sequence[LeftAlone] = ()) -> SeriesOut:
        """The series, its trips, and those that could not follow the change that is answered."""
        return cls(
            **cls.fields_of(series),
            occurrences=[OccurrenceOut.from_domain(occurrence, series) for occurrence in occurrences],
            left_alone=[LeftAloneOut.from_domain(one) for one in left] or None,
        )


class SeriesPageOut(WireOut):
    """One page of series, oldest first."""

    series: list[SeriesSummaryOut]
    next_cursor: Maybe[str] = Field(None, description="where to go on; absent on the last page")


def _numbers(names: Sequence[str]) -> frozenset[int]:
    return frozenset(WEEKDAYS.index(name) + 1 for name in names)
