"""A driver asks which waiting requests fit their trip."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import UUID

from matcher.domain.cell import Cell
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import Coordinate
from matcher.domain.principal import Principal
from matcher.matching.scan.query import MeetingCandidate, Query
from matcher.roads.asked import RoadsByTime
from matcher.search.requests.match import Fit, FitRequests
from matcher.trips.offer_rules import require_owner
from matcher.trips.offers.repository import OfferRepository

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FittingRequest:
    """A rider who could be carried, as a driver sees it before they agree.

    Places are centres of cells, times and detours whole minutes, so that many queries do not reveal an address.
    """

    request_id: UUID
    seats: int
    near_pickup: Coordinate
    pickup_at: datetime
    near_dropoff: Coordinate
    dropoff_at: datetime
    detour_min: int


@dataclass(frozen=True, slots=True)
class FittingRequests:
    """The best requests, and how many fit."""

    best: tuple[FittingRequest, ...]
    fitting: int


class RequestsOfOffer:
    """The waiting requests that fit an offer, for its driver and for operators."""

    def __init__(self, offers: OfferRepository, fit: FitRequests, roads: RoadsByTime) -> None:
        self._offers = offers
        self._fit = fit
        self._roads = roads

    async def __call__(self, offer_id: UUID, principal: Principal, now: datetime, limit: int) -> FittingRequests:
        """The `limit` best by score; none for a trip that is not open. Raises OfferNotFound, DatabaseUnavailable."""
        offer = await self._offers.get(offer_id)
        require_owner(offer, principal, or_operator=True)
        if offer.status is not OfferStatus.OPEN:
            return FittingRequests((), 0)
        found = await self.fitting(offer, now)
        return FittingRequests(tuple(found[:limit]), len(found))

    async def fitting(self, offer: Offer, now: datetime) -> list[FittingRequest]:
        """Every waiting request that an offer fits, published or not, best first. Raises DatabaseUnavailable."""
        await self._fit.waiting.catch_up(now)
        fits = await self._fit(offer, now)
        fits.sort(key=lambda fit: (-fit[1].score, fit[0].id.int))
        return [described(self._roads, offer, fit) for fit in fits]


def described(roads: RoadsByTime, offer: Offer, fit: Fit) -> FittingRequest:
    """A rider as a driver may see them before they agree."""
    waiting, candidate, _ = fit
    zone = offer.departure.tzinfo or UTC
    pickup, dropoff = _ends(waiting.query, candidate.pickup_choice, candidate.dropoff_choice)
    return FittingRequest(
        request_id=waiting.id,
        seats=waiting.query.seats,
        near_pickup=_near(roads, pickup),
        pickup_at=_moment(candidate.pickup_ms, zone),
        near_dropoff=_near(roads, dropoff),
        dropoff_at=_moment(candidate.dropoff_ms, zone),
        detour_min=round(candidate.detour_ms / 60_000),
    )


def _near(roads: RoadsByTime, place: MeetingCandidate) -> Coordinate:
    """The centre of a cell, as a door is disclosed only when both have agreed."""
    return Cell.of(roads.locate(place.position)).middle


def _ends(query: Query, pickup: int, dropoff: int) -> tuple[MeetingCandidate, MeetingCandidate]:
    pickups = query.pickups or (MeetingCandidate(query.pickup, 0),)
    dropoffs = query.dropoffs or (MeetingCandidate(query.dropoff, 0),)
    return pickups[pickup], dropoffs[dropoff]


def _moment(ms: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(minutes=round(ms / 60_000))).astimezone(zone)
