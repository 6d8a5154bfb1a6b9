"""Whatever was put, replaced, cancelled and removed, in whatever order it arrived: searches see what a fresh index
would hold.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.offer import Offer, OfferStatus
from matcher.matching.index.index import OfferIndex
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.pipeline import find_candidates
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from tests.builders import NOW, an_engine
from tests.examples import examples
from tests.property.scenarios import a_spot, a_town, some_offer, some_request

_random = random.Random(7)
STREETS = a_town(_random, 7, 6, round_numbers=False)
SPOTS = [a_spot(_random, STREETS) for _ in range(4)]
ENGINE = an_engine(STREETS)
REQUESTS = [some_request(_random, STREETS, SPOTS, round_numbers=False) for _ in range(4)]

#: (which offer, what is done, what kind of change) of each write.
writes = st.lists(
    st.tuples(
        st.integers(0, 11), st.sampled_from(["put", "put", "put", "cancel", "remove", "late"]), st.integers(0, 9)
    ),
    max_size=80,
)


def answers(snapshot: Snapshot) -> list[tuple[object, ...]]:
    """All that some searches say."""
    found = [find_candidates(snapshot, ENGINE, Query.of(request, NOW), ScoreWeights(), 50) for request in REQUESTS]
    return [(answer.best, answer.feasible, answer.considered, answer.turned_away, answer.hints) for answer in found]


def an_offer_number(number: int, kind: int, version: int) -> Offer:
    """One of ten kinds, the same each time."""
    offer = some_offer(random.Random(kind), STREETS, SPOTS, number, round_numbers=False, vias=True)
    return replace(
        offer, id=UUID(int=number), driver_id=f"driver-{number}", status=OfferStatus.OPEN, version=version,
        departure=NOW + timedelta(minutes=5 * kind), max_detour_s=14_400, max_detour_m=None, seats_left=3,
    )  # fmt: skip


@settings(max_examples=examples(30))
@given(writes=writes, tail=st.sampled_from([0, 2, 7, 30]))
def test_an_index_with_a_history_answers_as_a_fresh_one(writes: list[tuple[int, str, int]], tail: int) -> None:
    index = OfferIndex(ENGINE, block=8, least_tail=tail, start=lambda work: work())  # sorted anew every few writes
    held: dict[int, Offer] = {}
    cancelled: dict[int, int] = {}  # versions
    last: dict[int, int] = {}
    taken: list[tuple[Snapshot, list[tuple[object, ...]]]] = []
    for number, act, kind in writes:
        if act == "remove":
            index.remove(UUID(int=number))
            held.pop(number, None)
            continue
        version = max(1, last.get(number, 0) + (1 if act != "late" else -1))
        last[number] = max(version, last.get(number, 0))
        offer = an_offer_number(number, kind, version)
        if act == "cancel":
            index.put(replace(offer, status=OfferStatus.CANCELLED))
            held.pop(number, None)
            cancelled[number] = version
        else:
            index.put(offer)
            known = held[number].version if number in held else cancelled.get(number, 0)
            if version > known:
                held[number] = offer
        if kind == 0:
            snapshot = index.snapshot("rider")
            taken.append((snapshot, answers(snapshot)))
    fresh = OfferIndex(ENGINE)
    for offer in held.values():
        fresh.put(offer)
    assert len(index) == len(fresh) == len(held)
    assert answers(index.snapshot("rider")) == answers(fresh.snapshot("rider"))
    for snapshot, then in taken:
        assert answers(snapshot) == then
