"""Series on the wire, as callers send them: recurring trips, or a trip with its return."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, time
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from api.schemas.fields import (
    EXAMPLE_DAY,
    MAX_YEAR,
    MIN_YEAR,
    Absent,
    Integral,
    PageQuery,
    WireIn,
)
from api.schemas.offers import TripIn, TripPatch
from api.schemas.stats import known_zone
from matcher.domain.errors.tree import Fault
from matcher.domain.offer import TripFields
from matcher.domain.series import (
    MAX_DAYS_LATER,
    MAX_EXCEPTIONS,
    SeriesChange,
    SeriesDraft,
    WayBack,
)

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
        raise PydanticCustomError("invalid_date", f"must be a valid date such as {EXAMPLE_DAY}")
    return found


def _clock(value: object) -> time:
    try:
        found = time.fromisoformat(value) if isinstance(value, str) and _CLOCK.fullmatch(value) else None
    except ValueError:
        found = None
    if found is None:
        raise PydanticCustomError("invalid_local_time", "must be a time of day such as 07:45, from 00:00 to 23:59")
    return found


_DAY_SCHEMA = Annotated[str, Field(json_schema_extra={"format": "date"})]
_CLOCK_SCHEMA = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Day = Annotated[date, Field(examples=[EXAMPLE_DAY]), BeforeValidator(_day, json_schema_input_type=_DAY_SCHEMA)]
LocalTime = Annotated[
    time,
    Field(description="local time in `time_zone`; a time skipped by a clock change becomes the next valid one"),
    BeforeValidator(_clock, json_schema_input_type=_CLOCK_SCHEMA),
]
Weekday = Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
Weekdays = Annotated[
    list[Weekday], Field(min_length=1, max_length=7, description="days of the week", examples=[["MO", "TU", "WE"]])
]
Exceptions = Annotated[list[Day], Field(max_length=MAX_EXCEPTIONS, description="dates without a trip", examples=[[]])]
ZoneName = Annotated[
    str, Field(max_length=64, description="IANA time zone; default: that of the origin"), AfterValidator(known_zone)
]


class ReturnIn(WireIn):
    """The return: the same places in the other direction."""

    departure: LocalTime
    days_later: Annotated[int, Field(ge=0, le=MAX_DAYS_LATER, description="days after the outward trip"), Integral] = 0

    def to_domain(self) -> WayBack:
        return WayBack(self.departure, self.days_later)


class SeriesIn(TripIn):
    """Trips to publish: recurring on `weekdays`, or once on `date`; with or without a return."""

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

    departure: LocalTime
    weekdays: Absent[Weekdays] = None
    day: Absent[Annotated[Day, Field(description="date of a single trip")]] = Field(None, alias="date")
    from_: Absent[Annotated[Day, Field(description="first date; default: today")]] = Field(None, alias="from")
    until: Absent[Annotated[Day, Field(description="last date, at most a year later; default: no end")]] = None
    exceptions: Exceptions = Field(default_factory=list)
    time_zone: Absent[ZoneName] = None
    return_: ReturnIn | None = Field(None, alias="return")

    def faults(self) -> list[Fault]:
        faults = super().faults()
        if (self.weekdays is None) == (self.day is None):
            faults.append(
                Fault("/weekdays", "is required unless `date` is given; both are not allowed", "weekdays_or_date")
            )
        if self.day is not None:
            given = {"/from": self.from_, "/until": self.until, "/exceptions": self.exceptions}
            faults += [
                Fault(at, "is only for series with `weekdays`", "only_weekly") for at, value in given.items() if value
            ]
        return faults

    def to_domain(self) -> SeriesDraft:
        values = self.domain_values()
        return SeriesDraft(
            origin=values["origin"],
            destination=values["destination"],
            via=values["via"],
            departure=self.departure,
            back=values["return_"],
            trip=TripFields(**{name: values[name] for name in TripFields.__dataclass_fields__}),
            day=self.day,
            weekdays=_numbers(self.weekdays or ()),
            from_date=self.from_,
            until=self.until,
            exceptions=frozenset(self.exceptions),
            zone_name=self.time_zone,
        )


class SeriesPatch(TripPatch):
    """A JSON merge patch (RFC 7396) for a series from a date on: absent keys stay as they are.

    null removes `return`, `until`, `exceptions`, `max_detour_m`, `comment`, `via`, `price` and preferences.
    `exceptions` are replaced as a whole and apply to all dates; a date that is no longer listed has its trip again.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"departure": "08:00", "seats": 2}]})

    departure: Absent[LocalTime] = None
    weekdays: Absent[Weekdays] = None
    until: Annotated[Day, Field(description="last date")] | None = None
    exceptions: Exceptions | None = None
    return_: ReturnIn | None = Field(None, alias="return")

    def to_domain(self) -> SeriesChange:
        """The change, to be laid over what is there."""
        given, values = self.model_fields_set, self.domain_values()
        stated = TripFields.__dataclass_fields__.keys() & given - {"preferences"}
        return SeriesChange(
            origin=values["origin"],
            destination=values["destination"],
            via=values["via"],
            departure=self.departure,
            back=values["return_"],
            no_way_back="return_" in given and self.return_ is None,
            weekdays=None if self.weekdays is None else _numbers(self.weekdays),
            until=self.until,
            without_end="until" in given and self.until is None,
            exceptions=frozenset(self.exceptions or ()) if "exceptions" in given else None,
            trip={name: values[name] for name in stated},
            preferences=None if self.preferences is None else self.preferences.model_dump(exclude_unset=True),
            no_preferences="preferences" in given and self.preferences is None,
        )


class FromQuery(WireIn):
    """The first date concerned."""

    from_: Absent[
        Annotated[Day, Field(description="this date and all later ones; default: every trip that has not departed")]
    ] = Field(None, alias="from")


class SeriesListQuery(PageQuery):
    """How many per page."""


def _numbers(names: Sequence[str]) -> frozenset[int]:
    return frozenset(WEEKDAYS.index(name) + 1 for name in names)
