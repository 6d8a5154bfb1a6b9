"""What the use cases need from the world, as Protocols: storage, geocoding and roads implement them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from matcher.domain.money import Money
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import Coordinate, GeocodedPlace, Place, RoadPosition
from matcher.domain.principal import ApiKey, Role
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.index.load_stops import OffersWithStops


@dataclass(frozen=True, slots=True)
class IdempotencyRequest:
    """The Idempotency-Key of a call: unique per `owner` (the principal's user) and `key`; `fingerprint` is a hash of the call."""

    owner: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer that was given the first time: status, the headers that matter, and the body, byte for byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class OfferPage:
    """One keyset page, newest departure last; `next_cursor` is the (departure, id) to go on after, None at the end."""

    offers: tuple[Offer, ...]
    next_cursor: tuple[datetime, UUID] | None


@dataclass(frozen=True, slots=True)
class CurrentState:
    """What the database says of an offer now."""

    version: int
    status: OfferStatus
    seats_left: int
    seats_offered: int
    length_cm: int
    price: Money | None


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """How far an instance has read the changes of offers. Opaque; good for one run of one server."""

    snapshot: str
    times_forgotten: int
    server: str


@dataclass(frozen=True, slots=True)
class OfferChanges:
    """The offers that were changed after a position, each once, and the position after them. `last_seq` numbers the newest change.

    `missed`: some changes have been forgotten since, or the server is not the same any more: all offers must be read anew.
    """

    offer_ids: tuple[UUID, ...]
    position: FeedPosition
    last_seq: int
    missed: bool = False


class ChangeListener(Protocol):
    """Hears of changes from the moment it was made."""

    async def read(self, position: FeedPosition) -> OfferChanges:
        """What was committed after a position. Raises DatabaseUnavailable."""

    async def wait(self, at_most_s: float) -> None:
        """Return when something may have changed, and after `at_most_s` seconds. Raises DatabaseUnavailable when it cannot hear."""


class ChangeFeed(Protocol):
    """What other instances write."""

    def listening(self) -> AbstractAsyncContextManager[ChangeListener]:
        """A listener; its connection is closed with the block. Raises DatabaseUnavailable."""


class OpenOffers(Protocol):
    """The OPEN offers of a region as they were at one moment."""

    @property
    def position(self) -> FeedPosition:
        """Changes after it are those that are not in here."""

    @property
    def count(self) -> int:
        """How many there are."""

    async def direct(self, take: Callable[[DirectOffers], Awaitable[None]]) -> None:
        """Hand over, some ten thousand at a time, the trips without stops whose road positions hold for the fingerprint asked for."""

    async def with_stops(self, take: Callable[[OffersWithStops], Awaitable[None]]) -> None:
        """The same for the trips with stops."""

    def others(self) -> AsyncIterator[Sequence[Offer]]:
        """The rest of them, in chunks."""


class OfferRepository(Protocol):
    """Offers on disk. A method that returns has committed; DatabaseUnavailable when it cannot say."""

    async def insert(
        self,
        offer: Offer,
        *,
        idempotency: IdempotencyRequest | None = None,
        render: Callable[[Offer], StoredAnswer] | None = None,
    ) -> StoredAnswer | None:
        """Store a new offer (and, in the same transaction, the answer `render(offer)` under `idempotency`).

        Returns None when it was stored. When another call with the same key has stored its answer meanwhile, nothing is
        written and that answer is returned. Raises IdempotencyKeyReused when the fingerprint differs.
        """

    async def find_answer(self, idempotency: IdempotencyRequest) -> StoredAnswer | None:
        """The answer stored under this key, or None. Raises IdempotencyKeyReused when the fingerprint differs."""

    async def get(self, offer_id: UUID) -> Offer:
        """Raises OfferNotFound."""

    async def list_page(
        self,
        *,
        driver_id: str | None,
        status: OfferStatus | None,
        departure_from: datetime | None,
        departure_to: datetime | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> OfferPage:
        """Offers ordered by (departure, id); `driver_id` None means anybody's."""

    async def update(self, offer: Offer, *, expected_version: int) -> None:
        """Replace everything but id, driver and created_at, where the stored version is `expected_version` and it is OPEN.

        `offer.version` must be expected_version + 1. Raises OfferNotFound, StaleVersion, OfferNotOpen.
        """

    async def mark_past(self, now: datetime, *, limit: int = 10_000) -> list[UUID]:
        """Set OPEN offers whose latest arrival is before `now` to PAST; returns their ids."""

    async def get_many(self, offer_ids: Sequence[UUID]) -> list[Offer]:
        """Those that exist, whatever their status, in no order."""

    async def refit(self, offers: Sequence[Offer]) -> int:
        """Store the road positions, the drive and the fingerprint of offers whose version is still the one given; returns how many.

        Nothing that a person has said changes, so the version stays, and nobody is told.
        """

    def open_offers(self, region: str, fingerprint: str) -> AbstractAsyncContextManager[OpenOffers]:
        """All OPEN offers of a region, from one consistent snapshot that lives as long as the block."""

    async def current(self, offer_ids: Sequence[UUID]) -> dict[UUID, CurrentState]:
        """The present state of those that exist."""


class ApiKeyRepository(Protocol):
    """API keys on disk."""

    async def insert(self, key: ApiKey) -> None:
        """Store a new key."""

    async def find(self, key_id: str) -> ApiKey | None:
        """The key, revoked and expired ones included, or None."""

    async def list_keys(self) -> list[ApiKey]:
        """All keys, oldest first."""

    async def revoke(self, key_id: str, now: datetime) -> None:
        """Raises ApiKeyNotFound. Revoking twice keeps the first moment."""

    async def touch(self, key_id: str, now: datetime) -> None:
        """Note that the key was used."""


class GeocodeCache(Protocol):
    """Answers of network geocoders, kept for a while."""

    async def find(self, provider: str, query: str, now: datetime) -> list[GeocodedPlace] | None:
        """The kept answer (an empty list is a kept "not found"), or None when there is none or it has expired."""

    async def put(self, provider: str, query: str, places: Sequence[GeocodedPlace], expires_at: datetime) -> None:
        """Keep an answer, in the place of an older one."""


class Geocoder(Protocol):
    """Addresses to places and back."""

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        """Candidates, best first; an empty list when nothing is like it. Fit for autocompletion."""

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        """The one place meant. Raises AddressNotFound, AddressAmbiguous (with candidates), GeocoderUnavailable."""

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """What is at a coordinate, or None when nothing with a name is near."""


@dataclass(frozen=True, slots=True)
class SnappedPosition:
    """The nearest point on a drivable road: its position, coordinate, straight distance, and street name."""

    position: RoadPosition
    coordinate: Coordinate
    distance_m: float
    street: str | None


@dataclass(frozen=True, slots=True)
class DrivenRoute:
    """The fastest drive through some road positions, and among the fastest the shortest."""

    duration_ms: int
    length_cm: int
    points: tuple[Coordinate, ...]


class RoadsByTime(Protocol):
    """The road network of the region that is served. Pure CPU work, thread-safe; call the heavy ones in the executor."""

    @property
    def name(self) -> str:
        """The region's name."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever stored road positions or drives are no longer valid; see `same_positions` for the positions alone."""

    def snap(self, coordinate: Coordinate, *, limit_m: float) -> SnappedPosition | None:
        """The nearest road within `limit_m` metres, or None."""

    def locate(self, position: RoadPosition) -> Coordinate:
        """Where a road position is."""

    def street(self, position: RoadPosition) -> str | None:
        """The name of the street a position is on."""

    def at(self, departure: datetime) -> Roads:
        """The roads as somebody drives them who leaves at this moment, to the end of the trip."""


class Roads(RoadsByTime, Protocol):
    """The same at one time of the week."""

    def drive(self, stops: Sequence[RoadPosition], *, with_points: bool = True) -> DrivenRoute | None:
        """The fastest drive through two or more positions in order, or None when there is no way."""


class StopCandidate(Protocol):
    """A place where the car may stop for a rider, and the walk between it and the rider's door."""

    @property
    def position(self) -> RoadPosition:
        """Where on the road the car stops."""

    @property
    def coordinate(self) -> Coordinate:
        """Where that is."""

    @property
    def label(self) -> str:
        """What it is called."""

    @property
    def walk_cm(self) -> int:
        """Length of the walk."""

    @property
    def walk_ms(self) -> int:
        """How long the walk takes."""


class MeetingPoints(Protocol):
    """Ways on foot in the region that is served. Pure CPU work, thread-safe; call it in the executor."""

    def candidates(self, place: Place, max_walk_m: float) -> Sequence[StopCandidate]:
        """Where a rider who walks up to `max_walk_m` metres (inclusive) from or to a place can be met; the door first, without a walk.
        Whoever walks farther is offered the same candidates and more."""


class KeyMaker(Protocol):
    """Makes credentials: a random secret and its digest under the server's pepper."""

    def make(
        self,
        user: str,
        role: Role,
        now: datetime,
        expires_at: datetime | None,
        act_as: frozenset[Role] = frozenset(),
    ) -> tuple[str, ApiKey]:
        """(the token to show once, the key to store)."""


class OfferIndex(Protocol):
    """The offers in memory that searches run on. Thread-safe; a search works on a snapshot that writes do not disturb."""

    def put(self, offer: Offer) -> None:
        """Add an OPEN offer, or replace an older version of it; any other status removes it. A version that is not newer
        than the one held is ignored, so that two writes that are applied out of order end the same."""

    def remove(self, offer_id: UUID) -> None:
        """Forget an offer; unknown ids are ignored."""

    def __len__(self) -> int:
        """How many offers can be matched."""


class Progress(Protocol):
    """Told what is being done. A step begins with its first call and ends with the first call for another one."""

    def __call__(self, step: str, done: float | None = None, /) -> None:
        """`step` is a few words for people; `done` in [0, 1] when it is known how far it has come."""


def no_progress(step: str, done: float | None = None, /) -> None:
    """A Progress for callers who watch nothing."""
