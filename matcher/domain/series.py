"""Trips that a driver makes again and again, and trips with a way back: which dates they are driven on, and when."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from uuid import UUID

from matcher.domain.clock import local_moment
from matcher.domain.offer import OfferStatus, TripFields
from matcher.domain.place import Place, PlaceInput

MAX_DAYS = 366
MAX_EXCEPTIONS = 366
MAX_DAYS_LATER = 60
#: So many times a series may become another ahead.
MAX_PHASES = 50


class SeriesStatus(StrEnum):
    """OPEN has its occurrences made ahead; CANCELLED was withdrawn by its driver."""

    OPEN = "OPEN"
    CANCELLED = "CANCELLED"


class Direction(StrEnum):
    """OUT is the way there, BACK the way back."""

    OUT = "OUT"
    BACK = "BACK"


@dataclass(frozen=True, slots=True)
class WayBack:
    """When a trip is driven back, by local time, `days_later` days (0 to MAX_DAYS_LATER) after the way there."""

    departure: time
    days_later: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """The places of the way there, on the roads of a fingerprint. The way back has them the other way round."""

    origin: Place
    via: tuple[Place, ...]
    destination: Place
    region_fingerprint: str

    def places(self, direction: Direction) -> tuple[Place, ...]:
        """In driving order."""
        places = (self.origin, *self.via, self.destination)
        return places if direction is Direction.OUT else places[::-1]


@dataclass(frozen=True, slots=True)
class Phase:
    """What a series is like on the dates from `from_date` to `until` (both inclusive.

    None: without end), until the next phase begins.

    `weekdays` are ISO numbers, Monday is 1; empty for a trip that is made once, on `from_date`.
    """

    from_date: date
    until: date | None
    weekdays: frozenset[int]
    departure: time
    back: WayBack | None
    route: Route
    trip: TripFields

    def drives_on(self, day: date) -> bool:
        """Whether `day` is one of its dates."""
        if day < self.from_date or (self.until is not None and day > self.until):
            return False
        return not self.weekdays or day.isoweekday() in self.weekdays


@dataclass(frozen=True, slots=True)
class OccurrenceKey:
    """One trip of a series: the date on which its way there leaves, and which of the two ways."""

    day: date
    direction: Direction


@dataclass(frozen=True, slots=True)
class Series:
    """A series as stored. `phases` follow each other by `from_date`; the first that begins later ends the one before.

    `ends_before`: withdrawn from that date on. `trouble`: the code of the error because of which occurrences cannot be
    made.
    """

    id: UUID
    driver_id: str
    region: str
    status: SeriesStatus
    version: int
    zone: tzinfo
    zone_name: str
    phases: tuple[Phase, ...]
    exceptions: frozenset[date]
    created_at: datetime
    updated_at: datetime
    ends_before: date | None = None
    trouble: str | None = None

    def phase_on(self, day: date) -> Phase | None:
        """The phase that a date lies in, driven or not; None before the first."""
        found = None
        for phase in self.phases:
            if phase.from_date <= day:
                found = phase
        return found

    def phases_from(self, day: date) -> tuple[Phase, ...]:
        """The phases that hold on a date or later; the last one at least."""
        nexts = [phase.from_date for phase in self.phases[1:]]
        return (*(phase for phase, then in zip(self.phases, nexts, strict=False) if then > day), self.phases[-1])

    def withdrawn_on(self, day: date) -> bool:
        """Whether the driver has said that this very date, or everything from some date before it on, is not driven."""
        gone = self.status is SeriesStatus.CANCELLED or (self.ends_before is not None and day >= self.ends_before)
        return gone or day in self.exceptions

    def departure(self, key: OccurrenceKey) -> datetime | None:
        """When an occurrence leaves, in the series' zone; None when there is none by this key."""
        phase = self.phase_on(key.day)
        if phase is None or self.withdrawn_on(key.day) or not phase.drives_on(key.day):
            return None
        if key.direction is Direction.OUT:
            return local_moment(key.day, phase.departure, self.zone)
        if phase.back is None:
            return None
        return local_moment(key.day + timedelta(days=phase.back.days_later), phase.back.departure, self.zone)

    def days(self, first: date, last: date) -> Iterator[date]:
        """The dates on which it is driven, from `first` to `last`, both inclusive."""
        for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
            phase = self.phase_on(day)
            if phase is not None and phase.drives_on(day) and not self.withdrawn_on(day):
                yield day

    def occurrences(self, first: date, last: date) -> Iterator[tuple[OccurrenceKey, datetime]]:
        """What is driven on those dates, each with its departure."""
        for key in itertools.starmap(OccurrenceKey, itertools.product(self.days(first, last), Direction)):
            departure = self.departure(key)
            if departure is not None:
                yield key, departure

    def next_day(self, after: date) -> date | None:
        """The first date after `after` on which it is driven; None: not within MAX_DAYS of it or of its next phase."""
        start = max([after, *(phase.from_date - timedelta(days=1) for phase in self.phases[-1:])])
        for begin in (after, start):
            found = next(self.days(begin + timedelta(days=1), begin + timedelta(days=MAX_DAYS)), None)
            if found is not None:
                return found
        return None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An offer that was made of a series, and how it stands now. `detached`: it goes its own way."""

    key: OccurrenceKey
    offer_id: UUID
    series_version: int
    detached: bool
    status: OfferStatus
    departure: datetime


@dataclass(frozen=True, slots=True)
class PartOfSeries:
    """Which trip of which series an offer is. `detached`: it goes its own way."""

    series_id: UUID
    key: OccurrenceKey
    detached: bool


@dataclass(frozen=True, slots=True)
class SeriesDraft:
    """What a driver asks to publish.

    Either `weekdays` (ISO numbers) or a single `day`; a detour of None means "use the default".

    `from_date` None is today; `until` None is without end. `zone_name` None is the zone of the origin.
    """

    origin: PlaceInput
    destination: PlaceInput
    via: tuple[PlaceInput, ...]
    departure: time
    back: WayBack | None
    trip: TripFields
    day: date | None = None
    weekdays: frozenset[int] = frozenset()
    from_date: date | None = None
    until: date | None = None
    exceptions: frozenset[date] = frozenset()
    zone_name: str | None = None


@dataclass(frozen=True, slots=True)
class SeriesChange:
    """A partial change of a series from a date on: a field that is None stays as it is.

    `trip` holds fields of TripFields by name, where None is a value; `preferences` are laid over those that are there,
    None takes one back. `exceptions` are for all dates.
    """

    origin: PlaceInput | None = None
    destination: PlaceInput | None = None
    via: tuple[PlaceInput, ...] | None = None
    departure: time | None = None
    back: WayBack | None = None
    no_way_back: bool = False
    weekdays: frozenset[int] | None = None
    until: date | None = None
    without_end: bool = False
    exceptions: frozenset[date] | None = None
    trip: Mapping[str, object] = field(default_factory=dict)
    preferences: Mapping[str, bool | None] | None = None
    no_preferences: bool = False
