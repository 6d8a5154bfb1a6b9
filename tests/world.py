"""The use cases wired to ports in memory, through the constructors that the real ones go through."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from matcher.domain.money import CostRate
from matcher.domain.offer import Offer, OfferDraft
from matcher.domain.place import Coordinate, PlaceInput
from matcher.domain.principal import Principal, Role
from matcher.money.cost_sharing import CostSharing
from matcher.places.resolve import ResolvePlaces
from matcher.search.live.load import LoadOffers
from matcher.search.live.region import ServedRegion
from matcher.trips.booking_rules import BookingTerms
from matcher.trips.offers.cancel import CancelOffer
from matcher.trips.offers.change import ChangeOffer
from matcher.trips.offers.expire import ExpireOffers
from matcher.trips.offers.publish import PublishOffer
from matcher.trips.offers.read import ReadOffers
from matcher.trips.planner import TripPlanner, TripRoads
from matcher.trips.planning import Planning
from matcher.trips.writer import TripWriter
from tests.fakes import GeocoderInMemory, IndexInMemory, NothingShared, OffersInMemory, OneStraightRoad, SameThread
from tests.fakes_bookings import FitsAsItIs, TripsInMemory

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
SANTIAGO = timezone(timedelta(hours=-3))
ALICE = Principal(user="alice", role=Role.DRIVER, key_id="k1")
BOB = Principal(user="bob", role=Role.DRIVER, key_id="k2")
RIDER = Principal(user="rita", role=Role.RIDER, key_id="k3")
OPS = Principal(user="otto", role=Role.OPS, key_id="k4")


def at(lon: float, lat: float = 0.0) -> PlaceInput:
    """A place by coordinates; the road runs along the equator from 0° to 1°."""
    return PlaceInput(coordinate=Coordinate(lat=lat, lon=lon))


def address(text: str) -> PlaceInput:
    """A place by address."""
    return PlaceInput(address=text)


def a_draft(**changes: object) -> OfferDraft:
    """Three seats eastwards, leaving 07:45 local."""
    fields: dict[str, object] = {
        "origin": at(0.1),
        "destination": at(0.5),
        "departure": datetime(2026, 12, 1, 7, 45, tzinfo=SANTIAGO),
        "seats": 3,
    }
    return OfferDraft(**(fields | changes))  # type: ignore[arg-type]  # a builder takes any field by name


@dataclass
class World:
    """Everything a test may want to look at or to break."""

    offers: OffersInMemory
    trips: TripsInMemory
    index: IndexInMemory
    roads: OneStraightRoad
    geocoder: GeocoderInMemory
    writer: TripWriter
    resolve_places: ResolvePlaces
    publish: PublishOffer
    change: ChangeOffer
    cancel: CancelOffer
    read: ReadOffers
    expire: ExpireOffers

    async def published(self, **changes: object) -> Offer:
        """An offer of Alice's."""
        return await self.publish(a_draft(**changes), ALICE, NOW)


def make_world() -> World:
    """A road, three addresses, nothing published."""
    offers, index, roads = OffersInMemory(), IndexInMemory(), OneStraightRoad()
    geocoder = GeocoderInMemory(
        {
            "Market": [Coordinate(lat=0.001, lon=0.3)],
            "Main Street": [Coordinate(lat=0.0, lon=0.2), Coordinate(lat=0.0, lon=0.8)],
            "Lighthouse": [Coordinate(lat=5.0, lon=0.3)],
        }
    )
    trips = TripsInMemory(offers)
    writer = TripWriter(offers, trips, index)
    resolve_places = ResolvePlaces(roads, geocoder, SameThread(), snap_limit_m=1000.0)
    numbers = itertools.count(1)
    horizon = timedelta(days=365)
    sharing = CostSharing(CostRate(Decimal("0.30"), "EUR", "a test"))
    return World(
        offers=offers,
        trips=trips,
        index=index,
        roads=roads,
        geocoder=geocoder,
        writer=writer,
        resolve_places=resolve_places,
        publish=PublishOffer(
            writer,
            roads,
            resolve_places,
            make_id=lambda: UUID(int=next(numbers)),
            horizon=horizon,
            cost_sharing=sharing,
            sharing=NothingShared(),
        ),
        change=ChangeOffer(
            writer,
            Planning(TripPlanner(cast("TripRoads", roads), FitsAsItIs(), snap_limit_m=1000.0), SameThread()),
            roads,
            resolve_places,
            horizon=horizon,
            cost_sharing=sharing,
        ),
        cancel=CancelOffer(writer, BookingTerms()),
        read=ReadOffers(offers),
        expire=ExpireOffers(offers, index),
    )


def a_region(world: World) -> ServedRegion:
    """The world's road as a region that is served, without any offers yet."""
    roads: Any = world.roads  # nothing is searched on a road in memory
    load = LoadOffers(world.offers, world.roads, world.resolve_places, SameThread())
    return ServedRegion(roads, world.geocoder, None, world.resolve_places, load, None, IndexInMemory, IndexInMemory())
