"""Offers in the slot they depart in: moved when their departure is, in one slot at any moment, and never brought
back by an old write.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest

from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import Coordinate
from matcher.matching.cancellation import Cancellation, SearchCancelled
from matcher.matching.index.by_time import OfferIndexByTime
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.pipeline import Candidates, find_candidates_by_time
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.matching.slot_search import SlotSearch
from matcher.roads.by_time import RoadEngines, roads_by_time
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.region.speeds import parse_speeds
from tests.builders import NOW, a_network, a_request, a_ring, an_offer

#: At Greenwich, where NOW is six in the morning of a Tuesday.
SPEEDS = "class,hour_from,hour_to,days,factor\n*,7,9,mon-fri,2\n*,9,11,mon-fri,3\n"
FREE, PEAK, LATE = NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=3)
ID = UUID(int=7)


@pytest.fixture(scope="module")
def roads() -> RoadEngines:
    network = a_network(a_ring())
    profile = parse_speeds(SPEEDS, "test")
    return roads_by_time("test", "f", network, Topology.build(network), profile, Coordinate(lat=51.48, lon=0.0))


@pytest.fixture
def index(roads: RoadEngines) -> OfferIndexByTime:
    return OfferIndexByTime(roads)


def _offer(version: int, departure: object = FREE, **changes: object) -> Offer:
    offer = an_offer((0, 0.5), (2, 0.5), offer_id=ID, departure=departure)  # type: ignore[arg-type]
    return replace(offer, version=version, **changes)  # type: ignore[arg-type]


def _held(index: OfferIndexByTime) -> list[list[int]]:
    """The versions that a search would see, by slot."""
    held = []
    for slot in index.snapshot("rider"):
        version = slot.offers.rows.version
        alive = np.unpackbits(slot.offers.blocks[0], bitorder="little")[: len(version)].astype(bool)
        held.append(version[alive].tolist())
    return held


def test_an_offer_that_departs_in_another_slot_leaves_the_one_it_was_in(index: OfferIndexByTime) -> None:
    index.put(_offer(1, FREE))
    assert _held(index) == [[1], [], []]
    index.put(_offer(2, PEAK))
    assert _held(index) == [[], [2], []]
    index.put(_offer(3, FREE))
    assert _held(index) == [[3], [], []]
    assert len(index) == 1


def test_a_booking_that_moves_the_trip_by_minutes_does_not_change_its_speeds(index: OfferIndexByTime) -> None:
    just_before = PEAK - timedelta(minutes=5)
    index.put(_offer(1, just_before))
    index.put(_offer(2, just_before, departure_shift_ms=600_000))
    assert _held(index) == [[2], [], []]


@pytest.mark.parametrize("late", [_offer(1, PEAK), _offer(2, PEAK), _offer(1, FREE), _offer(1, LATE)])
def test_a_write_that_comes_late_changes_nothing(index: OfferIndexByTime, late: Offer) -> None:
    index.put(_offer(1, PEAK))
    index.put(_offer(2, FREE))
    index.put(late)
    assert _held(index) == [[2], [], []]
    index.put(_offer(3, FREE, status=OfferStatus.CANCELLED))
    index.put(late)
    index.put(_offer(2, PEAK))
    assert len(index) == 0


def test_an_offer_that_was_cancelled_in_another_slot_is_gone(index: OfferIndexByTime) -> None:
    index.put(_offer(1, FREE))
    index.put(_offer(2, PEAK, status=OfferStatus.CANCELLED))
    assert len(index) == 0
    index.put(_offer(1, FREE))
    assert len(index) == 0


def test_forgotten_offers_are_forgotten_in_every_slot(index: OfferIndexByTime) -> None:
    for number, departure in enumerate((FREE, PEAK, LATE), start=1):
        index.put(an_offer((0, 0.5), (2, 0.5), offer_id=UUID(int=number), departure=departure))
    for number in (1, 2, 3, 4):
        index.remove(UUID(int=number))
    assert len(index) == 0


def test_many_at_once_are_held_as_one_by_one(roads: RoadEngines) -> None:
    random_ = random.Random(3)
    offers = [
        an_offer(
            (random_.randrange(6), 0.25), (random_.randrange(6), 0.75), offer_id=UUID(int=number),
            departure=NOW + timedelta(minutes=random_.randint(0, 1200)),
        )
        for number in range(1, 200)
    ]  # fmt: skip
    one_by_one, at_once = OfferIndexByTime(roads), OfferIndexByTime(roads)
    for offer in offers:
        one_by_one.put(offer)
    at_once.put_many(DirectOffers.of(offers))
    request = a_request((0, 0.1), (2, 0.9), earliest=NOW, latest=NOW + timedelta(hours=20), limit=50)
    assert _search(at_once, request).best == _search(one_by_one, request).best
    assert [len(part) for part in _held(at_once)] == [len(part) for part in _held(one_by_one)]
    assert len({len(part) for part in _held(at_once)}) == 3, "every slot has some"


def _search(index: OfferIndexByTime, request: object, cancellation: Cancellation | None = None) -> Candidates:
    query = Query.of(request, NOW)  # type: ignore[arg-type]
    return find_candidates_by_time(index.snapshot("rider"), query, ScoreWeights(), 50, cancellation=cancellation)


def test_roads_of_hours_in_which_nothing_can_be_under_way_are_not_swept(
    index: OfferIndexByTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is turned away there is counted all the same."""
    for number, departure in enumerate((FREE, PEAK, LATE, LATE), start=1):
        index.put(
            an_offer((0, 0.5), (2, 0.5), offer_id=UUID(int=number), departure=departure, flexibility_s=0,
                     driver_id="rider" if number == 4 else "driver")
        )  # fmt: skip
    swept: list[int] = []
    sweep = SlotSearch._sweep

    def note(search: SlotSearch) -> object:
        swept.append(search._number)
        return sweep(search)

    monkeypatch.setattr(SlotSearch, "_sweep", note)
    request = a_request((0, 0.6), (2, 0.4), earliest=PEAK, latest=PEAK + timedelta(minutes=5))
    found = _search(index, request)
    assert (found.considered, found.feasible) == (4, 1)
    assert {reason.value: count for reason, count in found.turned_away.items()} == {"own_offer": 1, "outside_window": 2}
    assert found.best[0].slot == 1
    assert 2 not in swept[:2], "the first scan of the window asked for"


def test_a_trip_over_midnight_is_driven_at_the_speeds_of_the_evening(roads: RoadEngines) -> None:
    """Monday to Tuesday: who leaves at 23:50 arrives in Tuesday's night, and both days' riders find the trip."""
    index = OfferIndexByTime(roads)
    evening = NOW.replace(hour=23, minute=50)
    index.put(an_offer((0, 0.0), (3, 1.0), departure=evening, flexibility_s=0))
    for earliest in (evening, evening + timedelta(minutes=11)):
        request = a_request((0, 0.5) if earliest == evening else (3, 0.2), (3, 0.9),
         earliest=earliest - timedelta(minutes=2),
                            latest=earliest + timedelta(minutes=10))  # fmt: skip
        assert _search(index, request).considered == 1
    slot = roads.slot_of(evening)
    assert [len(part) for part in _held(index)] == [int(k == slot) for k in range(3)]


def test_a_search_that_is_cancelled_stops_at_the_next_step(index: OfferIndexByTime) -> None:
    for number, departure in enumerate((FREE, PEAK, LATE), start=1):
        index.put(an_offer((0, 0.5), (2, 0.5), offer_id=UUID(int=number), departure=departure, seats_left=1))
    request = a_request((0, 0.6), (2, 0.4), earliest=FREE, latest=FREE + timedelta(minutes=20))
    steps: list[str] = []
    for last in ("drive", "sweep", "gather", "hint"):
        cancellation = Cancellation()
        steps.clear()

        def lap(step: str, cancellation: Cancellation = cancellation, last: str = last) -> None:
            steps.append(step)
            if step == last:
                cancellation.cancel()

        with pytest.raises(SearchCancelled):
            find_candidates_by_time(
                index.snapshot("rider"), Query.of(request, NOW), ScoreWeights(), 50, lap, (), cancellation
            )
        assert steps[-1] == last
