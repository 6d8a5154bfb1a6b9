"""Series on the wire, as callers get them: phases, and the trips of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from api.schemas.fields import (
    Identifier,
    Maybe,
    OfferStatusName,
    WireOut,
)
from api.schemas.offers import TRIP_EXAMPLE, TripOut
from api.schemas.series import WEEKDAYS, Weekday
from matcher.domain.series import (
    Direction,
    Occurrence,
    Phase,
    Series,
)
from matcher.trips.series.tend import LeftAlone

_PHASE: dict[str, Any] = {
    "from": "2026-12-01",
    "until": "2027-03-31",
    "weekdays": ["MO", "TU", "WE", "TH", "FR"],
    "departure": "07:45",
    "return": {"departure": "17:30", "days_later": 0},
    **TRIP_EXAMPLE,
}
_SUMMARY: dict[str, Any] = {
    "id": "01938a3e-7d4c-7b6e-9b5a-3f0f6a1c2d3e",
    "status": "OPEN",
    "version": 1,
    "time_zone": "America/Santiago",
    "phases": [_PHASE],
    "exceptions": ["2026-12-08", "2026-12-25"],
    "created_at": "2026-11-24T20:45:14.332574Z",
    "updated_at": "2026-11-24T20:45:14.332574Z",
}
_OCCURRENCE: dict[str, Any] = {
    "date": "2026-12-01",
    "direction": "OUT",
    "offer_id": "01938a3e-7d51-7f43-a1d7-52c3e4f5a6b7",
    "departure": "2026-12-01T07:45:00-03:00",
    "status": "OPEN",
    "detached": False,
}
_BACK: dict[str, Any] = _OCCURRENCE | {
    "direction": "BACK",
    "offer_id": "01938a3e-7d52-7c02-b6e8-63d4f5a6b7c8",
    "departure": "2026-12-01T17:30:00-03:00",
}
_LEFT: dict[str, Any] = {
    "date": "2026-12-01",
    "direction": "OUT",
    "offer_id": _OCCURRENCE["offer_id"],
    "code": "promised_to_riders",
    "detail": "1 booking could not be carried as promised",
    "bookings": ["01938a50-11bb-7c22-9d33-7e8f9a0b1c2d"],
}


class ReturnOut(WireOut):
    """The return trip."""

    departure: str = Field(description="local time", examples=["17:30"])
    days_later: int = Field(description="days after the outward trip")


class PhaseDatesOut(WireOut):
    """When the trips of a phase are driven."""

    from_: date = Field(alias="from", description="first date")
    until: Maybe[date] = Field(None, description="absent: no end")
    weekdays: list[Weekday] = Field(description="empty for a single trip on `from`")
    departure: str = Field(description="local time", examples=["07:45"])
    return_: Maybe[ReturnOut] = Field(None, alias="return")


class PhaseOut(TripOut, PhaseDatesOut):
    """The trips from a date on, until the next phase."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PHASE]})

    @classmethod
    def from_domain(cls, phase: Phase) -> PhaseOut:
        back = phase.back
        return cls.of_trip(
            phase.trip,
            phase.route.places(Direction.OUT),
            from_=phase.from_date,
            until=phase.until,
            weekdays=[name for number, name in enumerate(WEEKDAYS, start=1) if number in phase.weekdays],
            departure=phase.departure.isoformat("minutes"),
            return_=None if back is None else ReturnOut.of(back, departure=back.departure.isoformat("minutes")),
        )


class OccurrenceOut(WireOut):
    """One trip of a series: an ordinary offer."""

    model_config = ConfigDict(json_schema_extra={"examples": [_OCCURRENCE]})

    day: date = Field(alias="date", description="local date of the outward trip")
    direction: Direction
    offer_id: Identifier
    departure: datetime
    status: OfferStatusName
    detached: bool = Field(description="changed or cancelled separately: it no longer follows the series")

    @classmethod
    def from_domain(cls, occurrence: Occurrence, series: Series) -> OccurrenceOut:
        """Every field; the departure in the zone of the series."""
        return cls.of(
            occurrence,
            day=occurrence.key.day,
            direction=occurrence.key.direction,
            departure=occurrence.departure.astimezone(series.zone),
            status=occurrence.status.value,
        )


class LeftAloneOut(WireOut):
    """A trip that could not follow a change of its series: it stays as it was and is separate from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LEFT]})

    day: date = Field(alias="date")
    direction: Direction
    offer_id: Identifier
    code: str = Field(
        description="code of the problem that changing the offer would cause", examples=["promised_to_riders"]
    )
    detail: str
    bookings: Maybe[list[str]] = Field(None, description="bookings whose promises would be broken")

    @classmethod
    def from_domain(cls, left: LeftAlone) -> LeftAloneOut:
        bookings = left.extra.get("bookings")
        return cls.of(left, day=left.key.day, direction=left.key.direction, bookings=bookings)


class SeriesSummaryOut(WireOut):
    """Recurring trips, or a trip with its return."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})

    id: Identifier
    status: Literal["OPEN", "CANCELLED"]
    version: Annotated[int, Field(ge=1, description="increases by one with every change; the ETag")]
    time_zone: str = Field(description="IANA name")
    phases: list[PhaseOut] = Field(description="its trips, from date to date")
    exceptions: list[date] = Field(description="dates without a trip")
    ends_before: Maybe[date] = Field(None, description="withdrawn from this date on")
    trouble: Maybe[str] = Field(None, description="code of the problem that keeps new trips from being published")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_domain(cls, series: Series, **more: Any) -> Self:
        return cls.of(
            series,
            status=series.status.value,
            time_zone=series.zone_name,
            phases=[PhaseOut.from_domain(phase) for phase in series.phases],
            exceptions=sorted(series.exceptions),
            **more,
        )


class SeriesOut(SeriesSummaryOut):
    """A series with its trips to come."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY | {"occurrences": [_OCCURRENCE, _BACK]}]})

    occurrences: list[OccurrenceOut]
    left_alone: Maybe[list[LeftAloneOut]] = Field(None, description="trips that could not follow the change")

    @classmethod
    def with_trips(cls, series: Series, occurrences: Sequence[Occurrence], left: Sequence[LeftAlone] = ()) -> SeriesOut:
        """The series, its trips, and those that could not follow the change that is answered."""
        return cls.from_domain(
            series,
            occurrences=[OccurrenceOut.from_domain(occurrence, series) for occurrence in occurrences],
            left_alone=[LeftAloneOut.from_domain(one) for one in left] or None,
        )


class SeriesPageOut(WireOut):
    """One page of series, oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"series": [_SUMMARY]}]})

    series: list[SeriesSummaryOut]
    next_cursor: Maybe[str] = Field(None, description="for the next page; absent on the last one")
