"""A driver publishes a trip that is made again and again, or there and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

from matcher.domain.errors.tree import DepartureInPast, DepartureTooFar, InvalidField
from matcher.domain.idempotency import Keep, rendered
from matcher.domain.offer import Offer
from matcher.domain.place import Coordinate
from matcher.domain.principal import Principal
from matcher.domain.series import (
    MAX_DAYS,
    Direction,
    Occurrence,
    OccurrenceKey,
    Phase,
    Route,
    Series,
    SeriesDraft,
    SeriesStatus,
)
from matcher.trips.offer_rules import require_driver
from matcher.trips.series.occurrences import Made, MakeOccurrences
from matcher.trips.series.store import PostgresSeries
from matcher.trips.writer import TripWriter

#: A new series with its first occurrences.
Published = tuple[Series, list[Occurrence]]


@dataclass(frozen=True, slots=True)
class SeriesTerms:
    """How far occurrences are made ahead, and a trip may be published at all.

    When a series that failed is tried again.
    """

    ahead: timedelta
    horizon: timedelta
    retry: timedelta


class PublishSeries:
    """A series that is returned is on disk with all occurrences of the days ahead, and the next search can find them.

    `zone_of` tells the time zone of a place.
    """

    def __init__(
        self,
        series: PostgresSeries,
        trips: TripWriter,
        make: MakeOccurrences,
        terms: SeriesTerms,
        *,
        make_id: Callable[[], UUID],
        zone_of: Callable[[Coordinate], ZoneInfo],
    ) -> None:
        self._series = series
        self._trips = trips
        self._make = make
        self._terms = terms
        self._make_id = make_id
        self._zone_of = zone_of

    async def __call__(
        self, draft: SeriesDraft, principal: Principal, now: datetime, keep: Keep[Published] | None = None
    ) -> Published:
        """The new series with its first occurrences.

        Raises RoleForbidden, AnsweredBefore, IdempotencyKeyReused, DepartureInPast when no date is left,
        DepartureTooFar, InvalidField, TooManySeries, what MakeOccurrences and ResolvePlaces raise, and
        DatabaseUnavailable, after which the same key may safely be sent again.
        """
        require_driver(principal)
        await self._trips.require_new(keep)
        series, made, _ = await self.plan(draft, principal, now)
        published = (series, [_occurrence(series, key, offer) for key, offer in made])
        kept = await rendered(keep, published)
        store = self._series.insert(series, made, series.next_day(last_day(now, self._terms.ahead)), kept)
        await self._trips.publish([offer for _, offer in made], store)
        return published

    async def plan(
        self, draft: SeriesDraft, principal: Principal, now: datetime
    ) -> tuple[Series, Sequence[Made], Sequence[Made]]:
        """The series as it would be published, the trips of the days ahead, and those of its first date; nothing is
        written.

        Raises the same but for what idempotency keys raise, and TooManySeries.
        """
        require_driver(principal)
        route = await self._make.route(draft)
        zone = self._zone_of(route.origin.coordinate) if draft.zone_name is None else zone_named(draft.zone_name)
        series = _series(draft, route, zone, self._make_id(), principal.user, self._make.region, now)
        through = last_day(now, self._terms.ahead)
        wanted = [(key, at) for key, at in series.occurrences(first_day(series, now), through) if at >= now]
        made = await self._make(series, wanted, now)
        # Whatever cannot be driven is refused now, not when the first occurrence is to be made.
        first = made or await self._make(series, first_trips(series, now, self._terms.horizon), now)
        require_ways(first)
        return series, made, first


def first_trips(series: Series, now: datetime, horizon: timedelta) -> list[tuple[OccurrenceKey, datetime]]:
    """The next date's trips, there and back.

    Raises DepartureInPast when there is none, DepartureTooFar when it is too far ahead.
    """
    pointer = "/from" if series.phases[0].weekdays else "/date"
    day = series.next_day(today(series.zone, now) - timedelta(days=1))
    while day is not None:
        trips = [(key, at) for key, at in series.occurrences(day, day) if at >= now]
        if trips and trips[0][1] - now > horizon:
            raise DepartureTooFar.at(pointer, f"a series can begin at most {horizon.days} days ahead")
        if trips:
            return trips
        day = series.next_day(day)
    raise DepartureInPast.at(pointer, "the series has no dates left")


def zone_named(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises InvalidField."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidField.at("/time_zone", "must be an IANA time zone such as America/Santiago", "time_zone") from None


def first_day(series: Series, now: datetime) -> date:
    """The first local date of which something can still leave: a way back may leave days after its way there."""
    later = max((phase.back.days_later for phase in series.phases if phase.back is not None), default=0)
    return today(series.zone, now) - timedelta(days=later + 1)


def today(zone: tzinfo, now: datetime) -> date:
    """The date where the series is driven."""
    return now.astimezone(zone).date()


def last_day(now: datetime, ahead: timedelta) -> date:
    """The last date for which occurrences are made now.

    By UTC, so that the database can compare it for all series at once.
    """
    return (now.astimezone(UTC) + ahead).date()


def require_dates(phase: Phase) -> None:
    """Raises InvalidField for a phase that ends before it begins, lasts too long, or drives back before it has left."""
    if phase.until is not None and phase.until < phase.from_date:
        raise _fault("/until", "must not be before the first date")
    if phase.until is not None and (phase.until - phase.from_date).days > MAX_DAYS:
        raise _fault("/until", f"must be within {MAX_DAYS} days: leave it out for a series without end")
    back = phase.back
    if back is not None and back.days_later == 0 and back.departure <= phase.departure:
        raise _fault("/return/departure", "must be later than the outward trip, or have days_later")


def require_ways(made: Sequence[Made]) -> None:
    """Raises InvalidField for a way back that leaves before the way there has arrived."""
    arrivals = {key.day: offer.arrival for key, offer in made if key.direction is Direction.OUT}
    for key, offer in made:
        if key.direction is Direction.BACK and key.day in arrivals and offer.departure < arrivals[key.day]:
            arrives = arrivals[key.day].strftime("%H:%M")
            raise _fault("/return/departure", f"must be later: the outward trip arrives at {arrives}")


def _occurrence(series: Series, key: OccurrenceKey, offer: Offer) -> Occurrence:
    return Occurrence(key, offer.id, series.version, detached=False, status=offer.status, departure=offer.departure)


def _fault(pointer: str, detail: str) -> InvalidField:
    return InvalidField.at(pointer, detail, pointer[1:])


def _series(
    draft: SeriesDraft, route: Route, zone: ZoneInfo, series_id: UUID, user: str, region: str, now: datetime
) -> Series:
    first = draft.day if draft.day is not None else draft.from_date or today(zone, now)
    phase = Phase(
        from_date=first,
        until=first if draft.day is not None else draft.until,
        weekdays=draft.weekdays,
        departure=draft.departure,
        back=draft.back,
        route=route,
        trip=draft.trip,
    )
    require_dates(phase)
    return Series(
        id=series_id,
        driver_id=user,
        region=region,
        status=SeriesStatus.OPEN,
        version=1,
        zone=zone,
        zone_name=zone.key,
        phases=(phase,),
        exceptions=draft.exceptions,
        created_at=now,
        updated_at=now,
    )
