"""Zone maps hold what lies in their blocks, and searches by whole blocks say what searches by rows say."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest

from matcher.domain.offer import Offer, OfferStatus
from matcher.matching.index.index import OfferIndex
from matcher.matching.index.rows import DRIVER_IS_WOMAN, WOMEN_ONLY
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.index.zones import DIRECT, NOT_ALL_WOMEN, SEVERAL, ZoneMaps
from matcher.matching.pipeline import find_candidates
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.roads.engine import RoadEngine
from tests.builders import NOW, an_engine
from tests.property.scenarios import a_spot, a_town, some_offer, some_request

_random = random.Random(23)
STREETS = a_town(_random, 60, 40, round_numbers=False)
SPOTS = [a_spot(_random, STREETS) for _ in range(40)]


@pytest.fixture(scope="module")
def engine() -> RoadEngine:
    return an_engine(STREETS)


def some_offers(count: int, *, hours: int = 6) -> list[Offer]:
    """Offers of all kinds over some hours."""
    return [
        replace(
            some_offer(_random, STREETS, SPOTS, number, round_numbers=False, vias=number % 4 == 0),
            id=UUID(int=_random.getrandbits(128)),
            driver_id=f"driver-{number % 37}",
            status=OfferStatus.OPEN,
            departure=NOW + timedelta(seconds=_random.randrange(3600 * hours)),
        )
        for number in range(count)
    ]


def a_busy_index(engine: RoadEngine, offers: list[Offer], *, block: int, sort: bool) -> OfferIndex:
    """The offers after some changes and removals, sorted half-way or not at all."""
    index = OfferIndex(engine, block=block, least_tail=10**6)
    for offer in offers:
        index.put(replace(offer, departure=offer.departure + timedelta(days=1)))
    for number, offer in enumerate(offers):
        if sort and number == 2 * len(offers) // 3:
            index.compact()
        index.put(replace(offer, version=offer.version + 1))
    for offer in offers[::9]:
        index.remove(offer.id)
    return index


@pytest.mark.parametrize("sort", [False, True])
def test_zone_maps_hold_what_lies_in_their_blocks(engine: RoadEngine, sort: bool) -> None:
    block = 16
    snapshot = a_busy_index(engine, some_offers(300), block=block, sort=sort).snapshot("nobody")
    rows, zones, alive_count = snapshot.rows, snapshot.blocks.zones, snapshot.blocks.alive_count
    alive = snapshot.alive()
    published = rows.departure_ms - rows.shift_ms
    flexibility = rows.flexibility_s.astype(np.int64) * 1000
    over = published + flexibility + (rows.base_cost >> 32) + np.maximum(0, rows.max_detour_ms)
    bounds = [
        ("from", published - flexibility),
        ("by", published + flexibility),
        ("over", over),
        ("seats", rows.seats),
        ("origin", rows.origin_node),
        ("destination", rows.destination_node),
    ]
    for b in range(-(-len(snapshot) // block)):
        mine = slice(b * block, min(len(snapshot), b * block + block))
        # Rows that have gone count as well: their bounds are no narrower for it.
        for name, values in bounds:
            assert (zones[b][f"{name}_least"], zones[b][f"{name}_most"]) == (values[mine].min(), values[mine].max())
        assert zones[b]["reach_most"] == rows.reach_ms[mine].max()
        one = rows.leg_count[mine] == 1
        assert zones[b]["kinds"] == DIRECT * one.any() | SEVERAL * (~one).any()
        women = rows.stated[mine]
        not_all = NOT_ALL_WOMEN * ((women & DRIVER_IS_WOMAN) == 0).any()
        assert zones[b]["women"] == np.bitwise_or.reduce(women & (WOMEN_ONLY | DRIVER_IS_WOMAN)) | not_all
        assert alive_count[b] == ((alive >= mine.start) & (alive < mine.stop)).sum()


def answers(snapshot: Snapshot, engine: RoadEngine, queries: list[Query]) -> list[tuple[object, ...]]:
    """All that some searches say."""
    found = [find_candidates(snapshot, engine, query, ScoreWeights(), 400) for query in queries]
    return [(answer.best, answer.feasible, answer.considered, answer.turned_away, answer.hints) for answer in found]


def test_however_rows_lie_in_blocks_searches_say_the_same(engine: RoadEngine) -> None:
    """Windows that cut off whole hours, crowds, women only, own and hidden drivers: told by blocks or row by row."""
    offers = some_offers(500)
    requests = [some_request(_random, STREETS, SPOTS, round_numbers=False) for _ in range(12)]
    queries = [Query.of(request, NOW) for request in requests]
    queries += [replace(query, now_ms=query.now_ms + 7_200_000, seats=1) for query in queries[:4]]
    queries += [replace(query, women_only=True, rider_is_woman=True) for query in queries[:4]]
    one_block = a_busy_index(engine, offers, block=4096, sort=False)
    expected = answers(one_block.snapshot("driver-5", ["driver-7", "driver-8", "nobody"]), engine, queries)
    assert any(feasible for _, feasible, *_ in expected)
    for block, sort in ((8, True), (16, False), (64, True)):
        index = a_busy_index(engine, offers, block=block, sort=sort)
        assert answers(index.snapshot("driver-5", ["driver-8", "driver-7"]), engine, queries) == expected


def test_hidden_drivers_are_as_if_they_did_not_exist(engine: RoadEngine) -> None:
    offers = some_offers(300)
    queries = [Query.of(some_request(_random, STREETS, SPOTS, round_numbers=False), NOW) for _ in range(6)]
    hidden = {"driver-1", "driver-2", "driver-30"}
    without, index = OfferIndex(engine, block=8), OfferIndex(engine, block=8)
    for offer in offers:
        index.put(offer)
        if offer.driver_id not in hidden:
            without.put(offer)
    found = answers(index.snapshot("driver-3", hidden), engine, queries)
    assert found == answers(without.snapshot("driver-3"), engine, queries)
    assert found != answers(index.snapshot("driver-3"), engine, queries)


def test_a_search_does_not_count_what_is_added_to_its_last_block_meanwhile(engine: RoadEngine) -> None:
    offers = some_offers(16, hours=1)
    far_away = [replace(offer, departure=NOW + timedelta(days=3)) for offer in offers]
    queries = [Query.of(some_request(_random, STREETS, SPOTS, round_numbers=False), NOW) for _ in range(6)]
    for kept in (offers, far_away):  # counted row by row, and as a whole block that lies outside the window
        index = OfferIndex(engine, block=8)
        for offer in kept[:13]:
            index.put(offer)
        snapshot = index.snapshot("nobody")
        before = answers(snapshot, engine, queries)
        for offer in kept[13:]:
            index.put(offer)
        assert answers(snapshot, engine, queries) == before


@pytest.mark.parametrize("block", [0, 4, 12, 511])
def test_blocks_are_whole_bytes(block: int) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        ZoneMaps(block, 100)
