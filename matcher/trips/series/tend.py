"""Occurrences are made ahead, and brought in line with what their series says now."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from matcher.domain.errors.bookings import PromisedToRiders
from matcher.domain.errors.tree import CarpoolError, Conflict, InvalidInput, NotFound, StaleVersion, Unavailable
from matcher.domain.offer import CLEARABLE, STATED, Offer, OfferChange, OfferStatus
from matcher.domain.place import Place, PlaceInput
from matcher.domain.principal import Principal, Role
from matcher.domain.series import Direction, Occurrence, OccurrenceKey, Phase, Series, SeriesStatus
from matcher.trips.offers.cancel import CancelOffer
from matcher.trips.offers.change import ChangeOffer
from matcher.trips.series.occurrences import MakeOccurrences
from matcher.trips.series.publish import SeriesTerms, first_day, last_day
from matcher.trips.series.store import PostgresSeries
from matcher.trips.writer import TripWriter

_log = logging.getLogger(__name__)

_AT_ONCE = 20
#: Others may change a trip, or make the same occurrences, at the same time; each time they do, something is done.
_TRIES = 10


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """An occurrence that could not follow its series, and why; it goes its own way from now on."""

    key: OccurrenceKey
    offer_id: UUID
    code: str
    detail: str
    extra: Mapping[str, Any]


class TendSeries:
    """What it has done once it does not do again, however many processes do it at once and wherever one is stopped."""

    def __init__(
        self,
        series: PostgresSeries,
        trips: TripWriter,
        make: MakeOccurrences,
        terms: SeriesTerms,
        change_offer: ChangeOffer,
        cancel_offer: CancelOffer,
    ) -> None:
        self._series = series
        self._trips = trips
        self._make = make
        self._terms = terms
        self._change_offer = change_offer
        self._cancel_offer = cancel_offer

    async def all_due(self, now: datetime) -> int:
        """Tend every series that needs it and that no other process is at; how many there were. Raises Unavailable."""
        done = 0
        while True:
            ids = await self._series.claim(now, last_day(now, self._terms.ahead), now + self._terms.retry, _AT_ONCE)
            for series_id in ids:
                try:
                    await self(series_id, now)
                except Unavailable:
                    raise
                except (Conflict, NotFound):  # it was changed or has gone meanwhile: the next turn sees
                    continue
                except CarpoolError as error:
                    _log.warning("series %s has no new occurrences: %s", series_id, error.code)
            done += len(ids)
            if len(ids) < _AT_ONCE:
                return done

    async def __call__(self, series_id: UUID, now: datetime) -> list[LeftAlone]:
        """Bring what was made in line, make what is missing, and tell what could not follow.

        Raises SeriesNotFound, DatabaseUnavailable, and what MakeOccurrences raises, which the series then names as its
        trouble.
        """
        left: list[LeftAlone] = []
        for _ in range(_TRIES):
            series = await self._series.get(series_id)
            left += await self._align(series, now)
            try:
                done = series.status is SeriesStatus.CANCELLED or await self._make_missing(series, now)
            except InvalidInput as error:
                await self._series.in_trouble(series, error.code)
                raise
            if done:
                through = last_day(now, self._terms.ahead)
                next_date = None if series.status is SeriesStatus.CANCELLED else series.next_day(through)
                await self._series.tended(series, next_date)
                return left
        raise StaleVersion("the series keeps changing: try again")

    async def _make_missing(self, series: Series, now: datetime) -> bool:
        """Whether all that leaves in the days ahead is there now."""
        there = {
            found.key
            for found in await self._series.occurrences(series.id, departing_from=None)
            if found.detached or found.status is not OfferStatus.CANCELLED
        }
        days = first_day(series, now), last_day(now, self._terms.ahead)
        wanted = [(key, at) for key, at in series.occurrences(*days) if at >= now and key not in there]
        if not wanted:
            return True
        made = await self._make(series, wanted, now)
        try:
            await self._trips.publish([offer for _, offer in made], self._series.make(series, made))
        except StaleVersion:
            return False
        return True

    async def _align(self, series: Series, now: datetime) -> list[LeftAlone]:
        found = [
            occurrence
            for occurrence in await self._series.occurrences(series.id, departing_from=now)
            if occurrence.status is OfferStatus.OPEN and occurrence.series_version < series.version
        ]
        left = []
        for occurrence in found:
            kept = await self._follow(series, occurrence, now)
            if kept is not None:
                left.append(kept)
        return left

    async def _follow(self, series: Series, occurrence: Occurrence, now: datetime) -> LeftAlone | None:
        """Bring one occurrence in line; None when it is, or goes its own way anyway."""
        driver = Principal(series.driver_id, Role.DRIVER, "series")
        departure = series.departure(occurrence.key)
        if occurrence.detached and not series.withdrawn_on(occurrence.key.day):
            return None
        for _ in range(_TRIES):
            offer = await self._trips.offers.get(occurrence.offer_id)
            if offer.status is not OfferStatus.OPEN:
                return None
            try:
                if departure is None:
                    await self._cancel_offer(offer.id, driver, now, offer.version, series_version=series.version)
                    return None
                phase = series.phase_on(occurrence.key.day)
                assert phase is not None, "an occurrence lies in a phase"
                change = difference(offer, phase, occurrence.key.direction, departure)
                if change is not None:
                    await self._change_offer(
                        offer.id, change, offer.version, driver, now, series_version=series.version
                    )
            except StaleVersion:
                # Its driver may have changed it by itself.
                if await self._goes_its_own_way(series, occurrence):
                    return None
                continue
            except (PromisedToRiders, InvalidInput) as error:
                await self._series.detach(offer.id)
                return LeftAlone(occurrence.key, offer.id, error.code, error.detail, error.extra)
            return None
        raise StaleVersion("a trip of the series keeps changing: try again")

    async def _goes_its_own_way(self, series: Series, occurrence: Occurrence) -> bool:
        present = await self._series.occurrences(series.id, departing_from=None)
        return any(found.detached for found in present if found.offer_id == occurrence.offer_id)


def difference(offer: Offer, phase: Phase, direction: Direction, departure: datetime) -> OfferChange | None:
    """What must change of an offer for it to follow its series; None: nothing.

    A default detour stays as it was computed.
    """
    places, trip, own = phase.route.places(direction), phase.trip, offer.own
    same_via = [_where(place) for place in own.via] == [_where(place) for place in places[1:-1]]
    names = ("max_detour_s", *STATED)
    wanted = {name: getattr(trip, name) for name in names if getattr(trip, name) != getattr(offer, name)}
    wanted |= {f"clear_{name}": True for name in CLEARABLE if name in wanted and wanted[name] is None}
    change = OfferChange(
        origin=_unless(_where(own.origin) == _where(places[0]), places[0]),
        destination=_unless(_where(own.destination) == _where(places[-1]), places[-1]),
        via=None if same_via else tuple(_again(place) for place in places[1:-1]),
        departure=None if offer.departure == departure else departure,
        seats=None if offer.seats_offered == trip.seats else trip.seats,
        **wanted,
    )
    return None if change == OfferChange() else change


def _unless(same: bool, place: Place) -> PlaceInput | None:
    return None if same else _again(place)


def _where(place: Place) -> tuple[float, float, str | None]:
    return place.coordinate.lat, place.coordinate.lon, place.address


def _again(place: Place) -> PlaceInput:
    """A place that was resolved before: it is not looked up again."""
    return PlaceInput(coordinate=place.coordinate, address=place.address, label=place.label)
