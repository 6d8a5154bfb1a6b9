"""Loading by the ten thousand ends exactly as putting one by one does."""

from __future__ import annotations

import random
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import RoadPosition
from matcher.matching.index.index import OfferIndex
from matcher.matching.index.load_direct import DirectOffers
from matcher.roads.engine import RoadEngine
from tests.builders import Street, an_engine, an_offer
from tests.bulk_columns import columns_with_stops_of, contents
from tests.property.bookings import with_bookings
from tests.property.oracle import RATE
from tests.property.scenarios import a_spot, a_town, some_offer

_random = random.Random(11)
STREETS = a_town(_random, 7, 6, round_numbers=False)
SPOTS = [a_spot(_random, STREETS) for _ in range(12)]


@pytest.fixture(scope="module")
def engine() -> RoadEngine:
    return an_engine(STREETS)


def some_offers(count: int) -> list[Offer]:
    """Direct trips of all kinds; several share a driver, and some have been moved by a booking that is over."""
    return [
        replace(
            some_offer(_random, STREETS, SPOTS, number, round_numbers=False, vias=False),
            id=UUID(int=_random.getrandbits(128)),
            driver_id=f"driver «{number % 7}»",
            status=OfferStatus.OPEN,
            version=_random.choice((1, 1, 40)),
            departure_shift_ms=_random.choice((0, 0, -7_001)),
        )
        for number in range(count)
    ]


def test_many_at_once_are_what_one_by_one_are(engine: RoadEngine) -> None:
    offers = some_offers(3_000)
    one_by_one, at_once = OfferIndex(engine, rate=RATE), OfferIndex(engine, rate=RATE)
    for offer in offers:
        one_by_one.put(offer)
    for first in range(0, len(offers), 700):  # the last load is smaller, and the tables grow several times
        assert at_once.put_many(DirectOffers.of(offers[first : first + 700])) == 0
    assert contents(at_once) == contents(one_by_one)
    assert at_once.put_many(DirectOffers.of([])) == 0


def test_offers_with_stops_and_riders_are_at_once_what_they_are_one_by_one(engine: RoadEngine) -> None:
    """Places on the way and riders' stops, promises kept and broken, budgets used up; oversold trips and such as
    lead nowhere are left out.
    """
    offers: list[Offer] = []
    while len(offers) < 400:
        offer = some_offer(_random, STREETS, SPOTS, len(offers), round_numbers=False, vias=True)
        offer = replace(offer, id=UUID(int=_random.getrandbits(128)), status=OfferStatus.OPEN)
        if _random.random() < 0.5:
            offer = with_bookings(_random, STREETS, SPOTS, offer)
        if len(offer.stops) > 2:
            offers.append(offer)
    booked = [offer for offer in offers if offer.booked_stops]
    oversold = [replace(offer, id=UUID(int=k), seats_offered=0) for k, offer in enumerate(booked[:3])]
    nowhere = replace(offers[5], id=UUID(int=9), origin=replace(offers[5].origin, position=RoadPosition(10**6, 0.5)))
    one_by_one, at_once = OfferIndex(engine, rate=RATE), OfferIndex(engine, rate=RATE, block=8)
    for offer in offers:
        one_by_one.put(offer)
    assert at_once.put_many(columns_with_stops_of([*oversold, *offers[:250], nowhere])) == 4
    assert at_once.put_many(columns_with_stops_of(offers[250:])) == 0
    assert at_once.put_many(columns_with_stops_of([])) == 0
    assert contents(at_once) == contents(one_by_one)
    at_once.compact()
    assert contents(at_once) == contents(one_by_one)
    later = [replace(offer, version=offer.version + k % 2, comment="later") for k, offer in enumerate(offers)]
    at_once.put_many(columns_with_stops_of(later))
    versions = {offer_id: values["version"] for offer_id, values in contents(at_once).items()}
    assert versions == {offer.id: offer.version for offer in later}
    some = np.array([k % 3 == 0 for k in range(400)])
    parts = OfferIndex(engine, rate=RATE)
    for which in (some, ~some):
        parts.put_many(columns_with_stops_of(offers).taken(which))
    assert contents(parts) == contents(one_by_one)


def test_only_what_is_newer_replaces(engine: RoadEngine) -> None:
    offers = some_offers(40)
    index = OfferIndex(engine, rate=RATE)
    index.put_many(DirectOffers.of(offers))
    before = index.snapshot("nobody")
    newer = [replace(offer, version=offer.version + 1, seats_left=8) for offer in offers[:10]]
    older = [replace(offer, version=offer.version - 1, seats_left=7) for offer in offers[10:20]]
    same = [replace(offer, seats_left=6) for offer in offers[20:30]]
    cancelled = replace(offers[30], version=offers[30].version + 2, status=OfferStatus.CANCELLED)
    index.put(cancelled)
    index.put_many(DirectOffers.of([*newer, *older, *same, offers[30]]))
    seats = {offer_id: values["seats"] for offer_id, values in contents(index).items()}
    expected = {offer.id: offer.seats_left for offer in [*newer, *offers[10:30], *offers[31:]]}
    assert seats == expected
    assert len(before.alive()) == 40, "a snapshot was disturbed"


def test_what_no_road_leads_along_is_left_out() -> None:
    dead_end = an_engine([Street(0, 1, 100_000, 60_000), Street(1, 2, 100_000, 60_000)])
    good = an_offer((0, 0.5), (1, 0.5))
    backwards, beyond, before = (
        an_offer((1, 0.5), (0, 0.5)),
        an_offer((0, 0.5), (2, 0.5)),
        an_offer((-1, 0.5), (1, 0.5)),
    )
    index = OfferIndex(dead_end)
    assert index.put_many(DirectOffers.of([backwards, good, beyond, before])) == 3
    assert list(contents(index)) == [good.id]


def test_a_cancellation_is_remembered_by_what_is_loaded_later(engine: RoadEngine) -> None:
    offers = some_offers(3)
    index = OfferIndex(engine, rate=RATE)
    index.put(replace(offers[0], version=offers[0].version + 1, status=OfferStatus.CANCELLED))
    index.put_many(DirectOffers.of(offers))
    assert contents(index).keys() == {offers[1].id, offers[2].id}
