"""The offers in memory: versions, late writes, and snapshots that nothing disturbs."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from matcher.domain.match import MatchRequest
from matcher.domain.offer import Offer, OfferStatus
from matcher.matching.index.index import OfferIndex
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.pipeline import Candidates, find_candidates
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.roads.engine import RoadEngine
from tests.builders import NOW, Street, a_request, a_ring, an_engine, an_offer


@pytest.fixture(scope="module")
def engine() -> RoadEngine:
    return an_engine(a_ring())


@pytest.fixture
def index(engine: RoadEngine) -> OfferIndex:
    return OfferIndex(engine)


def ask(engine: RoadEngine, snapshot: Snapshot, request: MatchRequest | None = None, limit: int = 5_000) -> Candidates:
    return find_candidates(snapshot, engine, Query.of(request or a_request(), NOW), ScoreWeights(), limit)


def ids(engine: RoadEngine, snapshot: Snapshot) -> list[UUID]:
    return [candidate.offer_id for candidate in ask(engine, snapshot).best]


def test_an_offer_is_found_until_it_is_removed(engine: RoadEngine, index: OfferIndex) -> None:
    offer = an_offer()
    index.put(offer)
    assert len(index) == 1
    assert ids(engine, index.snapshot("rider")) == [offer.id]
    index.remove(offer.id)
    index.remove(offer.id)
    assert len(index) == 0
    assert ask(engine, index.snapshot("rider")).considered == 0


@pytest.mark.parametrize("status", [OfferStatus.CANCELLED, OfferStatus.PAST])
def test_a_newer_version_that_is_not_open_removes(engine: RoadEngine, index: OfferIndex, status: OfferStatus) -> None:
    offer = an_offer()
    index.put(offer)
    index.put(replace(offer, status=status, version=2))
    assert len(index) == 0
    assert ids(engine, index.snapshot("rider")) == []


def test_a_newer_version_replaces_and_an_older_one_is_ignored(engine: RoadEngine, index: OfferIndex) -> None:
    offer = an_offer()
    second = replace(offer, version=2, seats_left=2)
    for write in (offer, second, offer, replace(second, seats_left=1)):
        index.put(write)
    assert len(index) == 1
    (found,) = ask(engine, index.snapshot("rider")).best
    assert (found.version, found.seats_left) == (2, 2)


def test_a_late_older_write_does_not_bring_back_what_was_cancelled(engine: RoadEngine, index: OfferIndex) -> None:
    offer = an_offer()
    index.put(replace(offer, status=OfferStatus.CANCELLED, version=2))
    index.put(offer)
    assert len(index) == 0
    index.put(replace(offer, version=3))
    assert ids(engine, index.snapshot("rider")) == [offer.id]


def test_a_late_cancellation_of_an_older_version_does_not_remove_a_newer_one(
    engine: RoadEngine, index: OfferIndex
) -> None:
    offer = an_offer(version=3)
    index.put(offer)
    index.put(replace(offer, status=OfferStatus.CANCELLED, version=2))
    assert ids(engine, index.snapshot("rider")) == [offer.id]
    index.put(replace(offer, version=2, seats_left=1))
    assert ask(engine, index.snapshot("rider")).best[0].version == 3


def test_an_offer_without_a_way_is_refused(engine: RoadEngine) -> None:
    dead_end = an_engine([Street(0, 1, 100, 100), Street(1, 0, 100, 100), Street(1, 2, 100, 100)])
    index = OfferIndex(dead_end)
    with pytest.raises(ValueError, match="no way"):
        index.put(an_offer((2, 0.5), (0, 0.5)))
    assert len(index) == 0


def test_a_search_sees_the_offers_as_they_were_whatever_is_written_meanwhile(
    engine: RoadEngine, index: OfferIndex
) -> None:
    """Across replacing, removing, growing and compacting."""
    offers = [an_offer(via=[(1, 0.2)] if k % 3 == 0 else ()) for k in range(600)]
    for offer in offers:
        index.put(offer)
    before = index.snapshot("rider")
    expected = ask(engine, before).best
    assert len(expected) == 600
    for offer in offers[:200]:
        index.put(replace(offer, version=2, departure=offer.departure + timedelta(days=1)))
    middle = index.snapshot("rider")
    for offer in offers[200:]:
        index.remove(offer.id)
    for _ in range(3_000):
        index.put(an_offer())
    assert ask(engine, before).best == expected
    assert set(ids(engine, middle)) == {offer.id for offer in offers[200:]}
    assert len(index) == 3_200
    assert ask(engine, index.snapshot("rider")).considered == 3_200


def test_what_is_swept_out_frees_memory(engine: RoadEngine) -> None:
    index = OfferIndex(engine, least_tail=512, start=lambda work: work())
    offer = an_offer()
    for version in range(1, 5_001):
        index.put(replace(offer, version=version))
    snapshot = index.snapshot("rider")
    assert len(index) == 1
    assert len(snapshot) <= 1_024
    assert len(snapshot.codes) <= 64 * 1_024


def test_searches_in_threads_agree_with_their_snapshots_while_others_write(
    engine: RoadEngine, index: OfferIndex
) -> None:
    """Offers come and go in pairs of one driver; no search may see half a pair beyond what its snapshot held."""
    stop = threading.Event()
    wrong: list[str] = []

    def search() -> None:
        while not stop.is_set():
            snapshot = index.snapshot("rider")
            first = ask(engine, snapshot, limit=20)
            again = ask(engine, snapshot, limit=20)
            if (first.best, first.considered, first.turned_away) != (again.best, again.considered, again.turned_away):
                wrong.append(f"{first.considered} then {again.considered}")

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        offers = [an_offer() for _ in range(400)]
        for offer in offers:
            index.put(offer)
        for offer in offers[:390]:
            index.put(replace(offer, version=2, seats_left=1))
            index.remove(offer.id)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(index) == 40


def test_a_driver_is_known_as_such_only_from_offers(engine: RoadEngine, index: OfferIndex) -> None:
    index.put(an_offer(driver_id="rider"))
    index.put(an_offer(driver_id="somebody"))
    found = ask(engine, index.snapshot("rider"))
    assert (found.considered, len(found.best)) == (2, 1)
    assert {reason.value: count for reason, count in found.turned_away.items()} == {"own_offer": 1}
    assert len(ask(engine, index.snapshot("a stranger")).best) == 2


def test_ids_of_all_sizes_come_back_as_they_went_in(engine: RoadEngine, index: OfferIndex) -> None:
    numbers = [0, 1, 2**63, 2**64 - 1, 2**64, 2**127 + 5, 2**128 - 1]
    offers: list[Offer] = [an_offer(offer_id=UUID(int=number)) for number in numbers]
    for offer in reversed(offers):
        index.put(offer)
    assert ids(engine, index.snapshot("rider")) == [offer.id for offer in offers]
