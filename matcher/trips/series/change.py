"""A driver changes or withdraws a series, from a date on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from matcher.domain.errors.series import SeriesNotFound, SeriesNotOpen
from matcher.domain.errors.tree import InvalidField, PlaceTooFarFromRoad, StaleVersion
from matcher.domain.place import Coordinate, Place, PlaceInput, same_positions
from matcher.domain.principal import Principal
from matcher.domain.series import (
    MAX_PHASES,
    Direction,
    Occurrence,
    PartOfSeries,
    Phase,
    Route,
    Series,
    SeriesChange,
    SeriesStatus,
)
from matcher.places.resolve import ResolvePlaces
from matcher.postgres.store import KeysetPage
from matcher.roads.asked import RoadsByTime
from matcher.trips.offer_rules import require_driver, stops_of
from matcher.trips.series.occurrences import MakeOccurrences
from matcher.trips.series.publish import first_day, first_trips, require_dates, require_ways, today
from matcher.trips.series.store import PostgresSeries
from matcher.trips.series.tend import LeftAlone, TendSeries


class ReadSeries:
    """One series, or pages of them: one's own, or anybody's for those who operate the service."""

    def __init__(self, series: PostgresSeries, resolve_places: ResolvePlaces) -> None:
        self._series = series
        self._resolve_places = resolve_places

    async def get(self, series_id: UUID, principal: Principal) -> Series:
        """Raises SeriesNotFound, for another person's series too."""
        series = await self._series.get(series_id)
        require_own(series, principal, or_operator=True)
        return self._seen(series, principal)

    async def occurrences(self, series: Series, now: datetime) -> list[Occurrence]:
        """Those that have not left, by date, the way there first."""
        return await self._series.occurrences(series.id, departing_from=now)

    async def parts(self, offer_ids: Sequence[UUID]) -> dict[UUID, PartOfSeries]:
        """Which trip of which series offers are, for those who may read the offers."""
        return await self._series.parts(offer_ids)

    async def list_page(
        self, principal: Principal, limit: int, after: tuple[datetime, UUID] | None
    ) -> KeysetPage[Series]:
        """Up to `limit` series, oldest first, after the one named by `after`."""
        owner = None if principal.operates else principal.user
        page = await self._series.list_page(driver_id=owner, limit=limit, after=after)
        return replace(page, items=tuple(self._seen(series, principal) for series in page.items))

    def _seen(self, series: Series, principal: Principal) -> Series:
        """The driver's own places are for the driver alone: operators see the public points around them."""
        public = self._resolve_places.public
        if public is None or principal.user == series.driver_id:
            return series

        def point(place: Place) -> Place:
            try:
                return public.point(self._resolve_places.snap_again("", place))
            except PlaceTooFarFromRoad:  # the roads have changed since
                at = place.coordinate
                return replace(
                    place, coordinate=Coordinate(lat=round(at.lat, 2), lon=round(at.lon, 2)), label="", address=None
                )

        def seen(phase: Phase) -> Phase:
            if phase.trip.show_door:
                return phase
            origin, *via, destination = map(point, phase.route.places(Direction.OUT))
            return replace(phase, route=replace(phase.route, origin=origin, via=tuple(via), destination=destination))

        return replace(series, phases=tuple(map(seen, series.phases)))


class ChangeSeries:
    """The series is changed at once.

    Its occurrences follow before the call returns; when it does not, the next turn of the clock goes on.
    """

    def __init__(
        self,
        series: PostgresSeries,
        tend: TendSeries,
        make: MakeOccurrences,
        roads: RoadsByTime,
        resolve_places: ResolvePlaces,
        *,
        horizon: timedelta,
    ) -> None:
        self._series = series
        self._tend = tend
        self._make = make
        self._roads = roads
        self._resolve_places = resolve_places
        self._horizon = horizon

    async def change(
        self,
        series_id: UUID,
        change: SeriesChange,
        from_day: date | None,
        expected_version: int,
        principal: Principal,
        now: datetime,
    ) -> tuple[Series, list[LeftAlone]]:
        """The series, changed from `from_day` on (today at the earliest), and the occurrences that could not follow.

        Raises RoleForbidden, SeriesNotFound, SeriesNotOpen, StaleVersion, InvalidField, and what PublishSeries raises
        of places and prices.
        """
        series = await self._own(series_id, principal, expected_version)
        if series.status is not SeriesStatus.OPEN:
            raise SeriesNotOpen("the series was withdrawn and cannot be changed")
        present = today(series.zone, now)
        first = max(present, from_day or present)
        if series.ends_before is not None and first >= series.ends_before:
            raise SeriesNotOpen("the series was withdrawn from that date on")
        changed = replace(
            series,
            version=series.version + 1,
            exceptions=series.exceptions if change.exceptions is None else change.exceptions,
            updated_at=now,
            trouble=None,
        )
        if replace(change, exceptions=None) != SeriesChange():
            changed = replace(changed, phases=await self._phases(series, change, first, now))
            require_ways(await self._make(changed, first_trips(changed, now, self._horizon), now))
        return await self._write(changed, now)

    async def withdraw(
        self,
        series_id: UUID,
        from_day: date | None,
        expected_version: int | None,
        principal: Principal,
        now: datetime,
    ) -> Series:
        """The series, with nothing driven from `from_day` on.

        Without one, or when that is today or before, it is CANCELLED.

        Every occurrence from then on is cancelled, also one that was changed by itself. Withdrawing twice is
        withdrawing once. Raises RoleForbidden, SeriesNotFound, StaleVersion.
        """
        series = await self._own(series_id, principal, expected_version)
        whole = from_day is None or from_day <= today(series.zone, now)
        if series.status is SeriesStatus.CANCELLED:
            await self._tend(series.id, now)
            return series
        if not whole and series.ends_before is not None and from_day is not None and series.ends_before <= from_day:
            return series
        status = SeriesStatus.CANCELLED if whole else series.status
        withdrawn = replace(
            series,
            version=series.version + 1,
            status=status,
            ends_before=series.ends_before if whole else from_day,
            updated_at=now,
        )
        return (await self._write(withdrawn, now))[0]

    async def _write(self, series: Series, now: datetime) -> tuple[Series, list[LeftAlone]]:
        due = None if series.status is SeriesStatus.CANCELLED else today(series.zone, now)
        await self._series.update(series, next_date=due)
        return series, await self._tend(series.id, now)

    async def _own(self, series_id: UUID, principal: Principal, expected_version: int | None) -> Series:
        require_driver(principal)
        series = await self._series.get(series_id)
        require_own(series, principal)
        if expected_version is not None and series.version != expected_version:
            raise StaleVersion(f"the series is at version {series.version} now: read it again before changing it")
        return series

    async def _phases(self, series: Series, change: SeriesChange, first: date, now: datetime) -> tuple[Phase, ...]:
        """The phases as they were before `first`, and from then on with the change laid over each."""
        base = series.phase_on(first) or series.phases[0]
        if not base.weekdays and (change.weekdays is not None or change.until is not None or change.without_end):
            detail = "applies to recurring trips only: this one is made once"
            pointer = "/weekdays" if change.weekdays is not None else "/until"
            raise InvalidField.at(pointer, detail, pointer[1:])
        start = max(first, base.from_date) if base.weekdays else base.from_date
        if base.until is not None and start > base.until and change.until is None and not change.without_end:
            detail = f"is after {base.until}, the last date of the series: set a later `until` as well"
            raise InvalidField.at("/until", detail, "from")
        earlier = [phase for phase in series.phases_from(first_day(series, now)) if phase.from_date < start]
        following = [replace(base, from_date=start), *(phase for phase in series.phases if phase.from_date > start)]
        if change.until is not None:
            following = following[:1] + [phase for phase in following[1:] if phase.from_date <= change.until]
        if change.until is not None or change.without_end:
            following[-1] = replace(following[-1], until=change.until)
        if len(earlier) + len(following) > MAX_PHASES:
            raise InvalidField.at("/from", f"a series can change at most {MAX_PHASES} times ahead")
        places = await self._places(change)
        changed = [await self._changed(phase, change, places) for phase in following]
        for phase in changed:
            require_dates(phase)
        return (*earlier, *changed)

    async def _changed(self, phase: Phase, change: SeriesChange, places: Mapping[str, Place]) -> Phase:
        values: dict[str, Any] = dict(change.trip)
        if change.preferences is not None or change.no_preferences:
            laid_over = {**({} if change.no_preferences else phase.trip.preferences), **(change.preferences or {})}
            values["preferences"] = {key: value for key, value in laid_over.items() if value is not None}
        return replace(
            phase,
            weekdays=phase.weekdays if change.weekdays is None else change.weekdays,
            departure=change.departure or phase.departure,
            back=None if change.no_way_back else change.back or phase.back,
            route=await self._route(phase.route, change, places),
            trip=replace(phase.trip, **values),
        )

    async def _places(self, change: SeriesChange) -> dict[str, Place]:
        new: list[tuple[str, PlaceInput]] = [
            (pointer, place)
            for pointer, place in (("/origin", change.origin), ("/destination", change.destination))
            if place is not None
        ]
        new += [(f"/via/{i}", place) for i, place in enumerate(change.via or ())]
        resolved = await self._resolve_places(new)
        return {pointer: place for (pointer, _), place in zip(new, resolved, strict=True)}

    async def _route(self, base: Route, change: SeriesChange, places: Mapping[str, Place]) -> Route:
        if not places and change.via is None:
            return base
        if not same_positions(base.region_fingerprint, self._roads.fingerprint):
            snapped = await self._resolve_places.resnap(stops_of(base.origin, base.via, base.destination))
            base = Route(snapped[0], tuple(snapped[1:-1]), snapped[-1], self._roads.fingerprint)
        via = base.via if change.via is None else tuple(places[f"/via/{i}"] for i in range(len(change.via)))
        origin, destination = places.get("/origin", base.origin), places.get("/destination", base.destination)
        return Route(origin, via, destination, self._roads.fingerprint)


def require_own(series: Series, principal: Principal, *, or_operator: bool = False) -> None:
    """Raises SeriesNotFound for another person's series, so that nobody learns that it exists."""
    if series.driver_id != principal.user and not (or_operator and principal.operates):
        raise SeriesNotFound("you have no series with this id")
