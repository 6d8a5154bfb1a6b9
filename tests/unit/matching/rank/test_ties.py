"""Offers that are equally good stand in the order of their ids, whatever else is true of them: how they were
published, where they lie, how many there are.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from matcher.domain.match import MatchRequest
from matcher.domain.offer import Offer
from matcher.matching.index.by_time import SlotSnapshot
from matcher.matching.index.index import OfferIndex
from matcher.matching.pipeline import Candidates, find_candidates_by_time
from matcher.matching.rank.best import FIRST_BATCH
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.roads.engine import RoadEngine
from tests.builders import NOW, a_request, a_ring, an_engine, an_offer

LIMIT = 20


@pytest.fixture(scope="module")
def engine() -> RoadEngine:
    return an_engine(a_ring())


def alike(count: int, seed: int) -> list[Offer]:
    """Offers that differ in nothing but their ids, shuffled.

    The halves of the ids rise against each other, and some high halves are alike.
    """
    dice = random.Random(seed)
    ids = [UUID(int=((2**63 + k // 3) << 64) | (2**64 - 1 - 7 * k if k % 2 else 5 * k)) for k in range(count)]
    offers = [replace(an_offer((0, 0.5), (2, 0.5)), id=offer_id) for offer_id in ids]
    dice.shuffle(offers)
    return offers


def an_index(engine: RoadEngine, offers: Sequence[Offer], *, compact: bool) -> OfferIndex:
    index = OfferIndex(engine, block=8)
    for offer in offers:
        index.put(offer)
    if compact:
        index.compact()
    return index


def search(engine: RoadEngine, indexes: Sequence[OfferIndex], request: MatchRequest, limit: int = LIMIT) -> Candidates:
    slots = [SlotSnapshot(engine, index.snapshot(request.rider_id)) for index in indexes]
    return find_candidates_by_time(slots, Query.of(request, NOW), ScoreWeights(), limit)


@pytest.mark.parametrize("compact", [False, True], ids=["as written", "sorted"])
@pytest.mark.parametrize("count", [2, 30, FIRST_BATCH, 3 * FIRST_BATCH])
def test_equal_scores_stand_by_offer_id(engine: RoadEngine, count: int, *, compact: bool) -> None:
    for seed in range(3):
        offers = alike(count, seed)
        best = search(engine, [an_index(engine, offers, compact=compact)], a_request()).best
        assert len({candidate.score for candidate in best}) == 1
        assert [candidate.offer_id for candidate in best] == sorted(offer.id for offer in offers)[:LIMIT]


def test_a_better_one_stands_before_lower_ids_and_a_worse_one_behind_higher(engine: RoadEngine) -> None:
    offers = alike(3 * FIRST_BATCH, 1)
    highest, lowest = UUID(int=2**128 - 1), UUID(int=1)
    # Its driver starts a little behind the rider, and has to turn.
    worse = replace(an_offer((0, 0.8), (2, 0.5)), id=lowest)
    index = an_index(engine, [worse, *offers], compact=True)
    every = search(engine, [index], a_request(), limit=5_000).best
    assert [candidate.offer_id for candidate in every] == [*sorted(offer.id for offer in offers), lowest]
    assert every[-1].score < every[0].score
    few = [worse, replace(offers[0], id=highest)]
    best = search(engine, [an_index(engine, few, compact=False)], a_request()).best
    assert [candidate.offer_id for candidate in best] == [highest, lowest]


def test_equal_scores_of_several_slots_are_one_list_by_offer_id(engine: RoadEngine) -> None:
    offers = alike(3 * FIRST_BATCH, 2)
    indexes = [an_index(engine, offers[part::3], compact=part == 1) for part in range(3)]
    wanted = sorted(offer.id for offer in offers)[:LIMIT]
    for order in (indexes, indexes[::-1]):
        assert [candidate.offer_id for candidate in search(engine, order, a_request()).best] == wanted
