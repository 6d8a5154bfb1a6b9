"""A driver publishes a trip that is made again and again, or there and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

from matcher.domain.errors.tree import DepartureInPast, DepartureTooFar, Fault, InvalidField
from matcher.domain.idempotency import IdempotencyRequest, StoredAnswer
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
from matcher.places.resolve import ResolvePlaces
from matcher.roads.asked import RoadsByTime
from matcher.trips.offer_rules import pointed, require_driver
from matcher.trips.series.occurrences import MakeOccurrences
from matcher.trips.series.ports import Made, SeriesRepository
from matcher.trips.writer import OfferWriter

#: Makes the answer that is kept under an idempotency key.
Render = Callable[[Series, Sequence[Occurrence]], StoredAnswer]


class PublishSeries:
    """A series that is returned is on disk with all occurrences of the days ahead, and the next search can find them.

    `ahead` is how far occurrences are made ahead, `horizon` how far a trip may be published at all; `zone_of` tells the zone of a place.
    """

    def __init__(
        self,
        series: SeriesRepository,
        writer: OfferWriter,
        roads: RoadsByTime,
        resolve_places: ResolvePlaces,
        make: MakeOccurrences,
        *,
        make_id: Callable[[], UUID],
        ahead: timedelta,
        horizon: timedelta,
        zone_of: Callable[[Coordinate], ZoneInfo],
    ) -> None:
        self._series = series
        self._writer = writer
        self._roads = roads
        self._resolve_places = resolve_places
        self._make = make
        self._make_id = make_id
        self._ahead = ahead
        self._horizon = horizon
        self._zone_of = zone_of

    async def __call__(
        self,
        draft: SeriesDraft,
        principal: Principal,
        now: datetime,
        idempotency: IdempotencyRequest | None,
        render: Render,
    ) -> StoredAnswer | tuple[Series, list[Occurrence]]:
        """The new series with its first occurrences; or, when `idempotency` was answered before, that answer, and nothing new is made.

        Raises RoleForbidden, IdempotencyKeyReused, DepartureInPast when no date is left, DepartureTooFar, InvalidField, TooManySeries, what
        MakeOccurrences and ResolvePlaces raise, and DatabaseUnavailable, after which the same key may safely be sent again.
        """
        require_driver(principal)
        if idempotency is not None:
            earlier = await self._series.find_answer(idempotency)
            if earlier is not None:
                await self._writer.settle()
                return earlier
        route = await self._route(draft)
        zone = self._zone_of(route.origin.coordinate) if draft.zone_name is None else zone_named(draft.zone_name)
        series = _series(draft, route, zone, self._make_id(), principal.user, self._roads.name, now)
        through = last_day(now, self._ahead)
        wanted = [(key, at) for key, at in series.occurrences(first_day(series, now), through) if at >= now]
        made = await self._make(series, wanted, now)
        # Whatever cannot be driven is refused now, not when the first occurrence is to be made.
        require_ways(made or await self._make(series, first_trips(series, now, self._horizon), now))
        answer = None if idempotency is None else render(series, in_words(series, made))
        earlier = await self._writer.insert_all(
            [offer for _, offer in made],
            lambda: self._series.insert(series, made, series.next_day(through), idempotency=idempotency, answer=answer),
        )
        return (series, in_words(series, made)) if earlier is None else earlier

    async def _route(self, draft: SeriesDraft) -> Route:
        origin, *via, destination = await self._resolve_places(pointed(draft.origin, draft.via, draft.destination))
        return Route(origin, tuple(via), destination, self._roads.fingerprint)


def first_trips(series: Series, now: datetime, horizon: timedelta) -> list[tuple[OccurrenceKey, datetime]]:
    """The next date's trips, there and back. Raises DepartureInPast when there is none, DepartureTooFar when it is too far ahead."""
    pointer = "/from" if series.phases[0].weekdays else "/date"
    day = series.next_day(today(series.zone, now) - timedelta(days=1))
    while day is not None:
        trips = [(key, at) for key, at in series.occurrences(day, day) if at >= now]
        if trips and trips[0][1] - now > horizon:
            detail = f"a series can begin at most {horizon.days} days ahead"
            raise DepartureTooFar(detail, faults=[Fault(pointer, detail, DepartureTooFar.code)])
        if trips:
            return trips
        day = series.next_day(day)
    detail = "no date is left on which this would be driven"
    raise DepartureInPast(detail, faults=[Fault(pointer, detail, DepartureInPast.code)])


def zone_named(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises InvalidField."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        detail = "is no IANA time zone that is known here, such as America/Santiago"
        raise InvalidField(f"time_zone {detail}", faults=[Fault("/time_zone", detail, InvalidField.code)]) from None


def first_day(series: Series, now: datetime) -> date:
    """The first local date of which something can still leave: a way back may leave days after its way there."""
    later = max((phase.back.days_later for phase in series.phases if phase.back is not None), default=0)
    return today(series.zone, now) - timedelta(days=later + 1)


def today(zone: tzinfo, now: datetime) -> date:
    """The date where the series is driven."""
    return now.astimezone(zone).date()


def last_day(now: datetime, ahead: timedelta) -> date:
    """The last date for which occurrences are made now. By UTC, so that the database can compare it for all series at once."""
    return (now.astimezone(UTC) + ahead).date()


def in_words(series: Series, made: Sequence[Made]) -> list[Occurrence]:
    """New offers as occurrences of their series."""
    return [
        Occurrence(key, offer.id, series.version, detached=False, status=offer.status, departure=offer.departure)
        for key, offer in made
    ]


def require_dates(phase: Phase) -> None:
    """Raises InvalidField for a phase that ends before it begins, lasts too long, or drives back before it has left."""
    if phase.until is not None and phase.until < phase.from_date:
        raise _fault("/until", "must not lie before the first date")
    if phase.until is not None and (phase.until - phase.from_date).days > MAX_DAYS:
        raise _fault("/until", f"must lie within {MAX_DAYS} days: leave it out for a series without end")
    back = phase.back
    if back is not None and back.days_later == 0 and back.departure <= phase.departure:
        raise _fault("/return/departure", "must be later than the way there, or some days_later")


def require_ways(made: Sequence[Made]) -> None:
    """Raises InvalidField for a way back that leaves before the way there has arrived."""
    arrivals = {key.day: offer.arrival for key, offer in made if key.direction is Direction.OUT}
    for key, offer in made:
        if key.direction is Direction.BACK and key.day in arrivals and offer.departure < arrivals[key.day]:
            arrives = arrivals[key.day].strftime("%H:%M")
            raise _fault("/return/departure", f"must be later: the way there arrives at {arrives}")


def _fault(pointer: str, detail: str) -> InvalidField:
    return InvalidField(f"{pointer[1:]} {detail}", faults=[Fault(pointer, detail, InvalidField.code)])


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
