"""Stores in memory. They keep the promises of the real ones; the contract suites prove it."""

from __future__ import annotations

import itertools
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from matcher.domain.errors.tree import (
    AddressAmbiguous,
    AddressNotFound,
    ApiKeyNotFound,
    Conflict,
    DatabaseUnavailable,
    IdempotencyKeyReused,
    OfferNotFound,
    OfferNotOpen,
    StaleVersion,
)
from matcher.domain.idempotency import AnsweredBefore, IdempotencyRequest, KeptAnswer, StoredAnswer
from matcher.domain.offer import FeedPosition, Offer, OfferStatus
from matcher.domain.place import Coordinate, GeocodedPlace, RoadPosition
from matcher.domain.principal import ApiKey
from matcher.matching.base.roads import PackedDrive
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.index.load_stops import OffersWithStops
from matcher.postgres.store import KeysetPage
from matcher.roads.engine import DrivenRoute, SnappedPosition
from matcher.trips.offers.repository import CurrentState


class SameThread(Executor):
    """Runs what is submitted at once, so that a unit test has one thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # an executor hands every error over
            future.set_exception(error)
        return future


class OffersInMemory:
    """OfferRepository.

    `away` makes every call fail as a lost connection does; `lost_after_commit` fails after the write.
    """

    def __init__(self) -> None:
        self.stored: dict[UUID, Offer] = {}
        self.answers: dict[tuple[str, str], tuple[bytes, StoredAnswer]] = {}
        self.away = False
        self.lost_after_commit = False

    def _call(self) -> None:
        if self.away:
            raise DatabaseUnavailable("the database is away")

    def _commit(self) -> None:
        if self.lost_after_commit:
            raise DatabaseUnavailable("the connection was lost while committing")

    async def insert(self, offer: Offer, kept: KeptAnswer | None = None) -> None:
        self._call()
        await self.keep(kept)
        self.stored[offer.id] = offer
        self._commit()

    async def keep(self, kept: KeptAnswer | None) -> None:
        """Keep an answer. Raises AnsweredBefore, IdempotencyKeyReused."""
        if kept is None:
            return
        earlier = await self.find_answer(kept.request)
        if earlier is not None:
            raise AnsweredBefore(earlier)
        self.answers[kept.request.owner, kept.request.key] = (kept.request.fingerprint, kept.answer)

    async def find_answer(self, idempotency: IdempotencyRequest) -> StoredAnswer | None:
        self._call()
        held = self.answers.get((idempotency.owner, idempotency.key))
        if held is None:
            return None
        if held[0] != idempotency.fingerprint:
            raise IdempotencyKeyReused("this key was used for another request")
        return held[1]

    async def get(self, offer_id: UUID) -> Offer:
        self._call()
        if offer_id not in self.stored:
            raise OfferNotFound("no such offer")
        return self.stored[offer_id]

    async def list_page(
        self,
        *,
        driver_id: str | None,
        status: OfferStatus | None,
        departure_from: datetime | None,
        departure_to: datetime | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> KeysetPage[Offer]:
        self._call()
        fitting = sorted(
            (
                offer
                for offer in self.stored.values()
                if (driver_id is None or offer.driver_id == driver_id)
                and (status is None or offer.status is status)
                and (departure_from is None or offer.departure >= departure_from)
                and (departure_to is None or offer.departure <= departure_to)
                and (after is None or (offer.departure, offer.id) > after)
            ),
            key=lambda offer: (offer.departure, offer.id),
        )
        return KeysetPage.of(fitting, limit, lambda offer: (offer.departure, offer.id))

    async def update(self, offer: Offer, *, expected_version: int) -> None:
        held = await self.get(offer.id)
        if held.version != expected_version:
            raise StaleVersion("changed meanwhile")
        if held.status is not OfferStatus.OPEN:
            raise OfferNotOpen("not open")
        self.stored[offer.id] = offer
        self._commit()

    async def mark_past(self, now: datetime, *, limit: int = 10_000) -> list[UUID]:
        self._call()
        over = [o for o in self.stored.values() if o.status is OfferStatus.OPEN and o.latest_arrival < now][:limit]
        for offer in over:
            self.stored[offer.id] = replace(offer, status=OfferStatus.PAST, version=offer.version + 1, updated_at=now)
        return [offer.id for offer in over]

    async def get_many(self, offer_ids: Sequence[UUID]) -> list[Offer]:
        self._call()
        return [self.stored[offer_id] for offer_id in set(offer_ids) if offer_id in self.stored]

    async def refit(self, offers: Sequence[Offer]) -> int:
        self._call()
        done = 0
        for offer in offers:
            held = self.stored.get(offer.id)
            if held is not None and held.version == offer.version and held.status is OfferStatus.OPEN:
                self.stored[offer.id] = replace(
                    held,
                    region_fingerprint=offer.region_fingerprint,
                    origin=offer.origin,
                    via=offer.via,
                    destination=offer.destination,
                    doors=offer.doors,
                    booked_stops=offer.booked_stops,
                    duration_ms=offer.duration_ms,
                    length_cm=offer.length_cm,
                )
                done += 1
        return done

    @asynccontextmanager
    async def open_offers(self, region: str, fingerprint: str) -> AsyncIterator[OpenOffersInMemory]:
        self._call()
        offers = [o for o in self.stored.values() if o.status is OfferStatus.OPEN and o.region == region]
        yield OpenOffersInMemory(offers, fingerprint)

    async def current(self, offer_ids: Sequence[UUID]) -> dict[UUID, CurrentState]:
        self._call()
        return {
            offer_id: CurrentState(offer.version, offer.status, offer.seats_left, offer.length_cm, offer.stated)
            for offer_id in offer_ids
            if (offer := self.stored.get(offer_id)) is not None
        }


@dataclass(frozen=True, eq=False)
class RememberedOffers(DirectOffers):
    """Columns that remember what they were made of, for the index below."""

    offers: tuple[Offer, ...]


class OpenOffersInMemory:
    """OpenOffers as they were when it was made."""

    def __init__(self, offers: Sequence[Offer], fingerprint: str) -> None:
        self.position = FeedPosition("now", 0, "memory")
        self.count = len(offers)
        self._direct: list[Offer] = []
        self._others: list[Offer] = []
        for offer in offers:
            simple = offer.region_fingerprint == fingerprint and len(offer.stops) == 2
            (self._direct if simple else self._others).append(offer)

    async def direct(self, take: Callable[[DirectOffers], Awaitable[None]]) -> None:
        for offer in self._direct:
            await take(RememberedOffers(**vars(DirectOffers.of([offer])), offers=(offer,)))

    async def with_stops(self, take: Callable[[OffersWithStops], Awaitable[None]]) -> None:
        """None of them: here they are all among the others."""

    async def others(self) -> AsyncIterator[Sequence[Offer]]:
        for offer in self._others:
            yield [offer]


class KeysInMemory:
    """ApiKeyRepository; counts its look-ups."""

    def __init__(self) -> None:
        self.stored: dict[str, ApiKey] = {}
        self.away = False
        self.looked_up = 0

    def _call(self) -> None:
        if self.away:
            raise DatabaseUnavailable("the database is away")

    async def insert(self, key: ApiKey) -> None:
        self._call()
        if key.id in self.stored:
            raise Conflict("this id is taken")
        self.stored[key.id] = key

    async def find(self, key_id: str) -> ApiKey | None:
        self._call()
        self.looked_up += 1
        return self.stored.get(key_id)

    async def list_keys(self) -> list[ApiKey]:
        self._call()
        return sorted(self.stored.values(), key=lambda key: (key.created_at, key.id))

    async def revoke(self, key_id: str, now: datetime) -> None:
        self._call()
        if key_id not in self.stored:
            raise ApiKeyNotFound("no such key")
        if self.stored[key_id].revoked_at is None:
            self.stored[key_id] = replace(self.stored[key_id], revoked_at=now)

    async def touch(self, key_id: str, now: datetime) -> None:
        self._call()
        key = self.stored.get(key_id)
        if key is not None and (key.last_used_at is None or now - key.last_used_at > timedelta(minutes=1)):
            self.stored[key_id] = replace(key, last_used_at=now)


class NothingShared:
    """Sharing where nobody shares anything."""

    async def is_woman(self, user: str) -> bool:
        return False


class IndexInMemory:
    """OfferIndex that only remembers."""

    def __init__(self) -> None:
        self.held: dict[UUID, Offer] = {}

    def put(self, offer: Offer) -> None:
        held = self.held.get(offer.id)
        if held is not None and offer.version <= held.version:
            return
        if offer.status is OfferStatus.OPEN:
            self.held[offer.id] = offer
        else:
            self.held.pop(offer.id, None)

    def put_many(self, offers: DirectOffers | OffersWithStops) -> int:
        assert isinstance(offers, RememberedOffers)
        for offer in offers.offers:
            self.put(offer)
        return 0

    def compact(self) -> None:
        pass

    def snapshot(self, searcher: str, hidden: Collection[str] = ()) -> tuple[()]:
        return ()

    def remove(self, offer_id: UUID) -> None:
        self.held.pop(offer_id, None)

    def __len__(self) -> int:
        return len(self.held)


class OneStraightRoad:
    """Roads: a single east-west road on the equator from 0° to 1° of longitude, driven at 20 m/s, eastwards only when
    `oneway`.

    Edge 0, fraction = longitude. `fingerprint` may be set to play a new import.
    """

    METRES = 111_194.93

    def __init__(self, *, oneway: bool = False) -> None:
        self.oneway = oneway
        self.fingerprint = "first"
        self.name = "equator"
        self.drives = 0

    def snap(self, coordinate: Coordinate, *, limit_m: float) -> SnappedPosition | None:
        lon = min(1.0, max(0.0, coordinate.lon))
        on_road = Coordinate(lat=0.0, lon=lon)
        distance_m = coordinate.distance_m(on_road)
        if distance_m > limit_m:
            return None
        return SnappedPosition(RoadPosition(0, lon), on_road, distance_m, "Equator Road" if lon < 0.9 else None)

    def locate(self, position: RoadPosition) -> Coordinate:
        return Coordinate(lat=0.0, lon=position.fraction)

    def street(self, position: RoadPosition) -> str | None:
        return "Equator Road" if position.fraction < 0.9 else None

    def at(self, departure: datetime) -> OneStraightRoad:
        return self

    def pack_drive(self, origin: RoadPosition, destination: RoadPosition) -> PackedDrive | None:
        drives, drive = self.drives, self.drive([origin, destination], with_points=False)
        self.drives = drives  # what is asked of the hierarchy is not counted
        if drive is None:
            return None
        return PackedDrive(drive.duration_ms << 32 | drive.length_cm, np.empty(0, dtype=np.int32))

    def drive(self, stops: Sequence[RoadPosition], *, with_points: bool = True) -> DrivenRoute | None:
        self.drives += 1
        legs = [b.fraction - a.fraction for a, b in itertools.pairwise(stops)]
        if self.oneway and any(leg < 0 for leg in legs):
            return None
        metres = sum(abs(leg) for leg in legs) * self.METRES
        points = tuple(self.locate(stop) for stop in stops) if with_points else ()
        return DrivenRoute(duration_ms=math.floor(metres / 20 * 1000), length_cm=round(metres * 100), points=points)


class GeocoderInMemory:
    """Geocoder over a dictionary from exact text to one place, or to several that are too alike."""

    def __init__(self, places: Mapping[str, Sequence[Coordinate]]) -> None:
        self.places = places
        self.resolved: list[str] = []

    def _answer(self, text: str) -> list[GeocodedPlace]:
        return [
            GeocodedPlace(coordinate=at, label=f"{text}, Equator", precision="street", score=1.0, source="memory")
            for at in self.places.get(text, ())
        ]

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        return self._answer(text)[:limit]

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        self.resolved.append(text)
        found = self._answer(text)
        if not found:
            raise AddressNotFound(f"nothing is like {text!r}")
        if len(found) > 1:
            raise AddressAmbiguous("several places", extra={"candidates": [place.label for place in found]})
        return found[0]

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        for text, places in self.places.items():
            if coordinate in places:
                return self._answer(text)[0]
        return None

    async def close(self) -> None:
        """Nothing to close."""
