"""Rows are sorted anew while searches and writes go on, and nobody notices."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pytest

from matcher.domain.offer import Offer, OfferStatus
from matcher.matching.index import index as index_module
from matcher.matching.index.compaction import SLOT_MS, compacted, order_of_rows, repeat
from matcher.matching.index.index import OfferIndex
from matcher.matching.index.store import Contents, Store
from matcher.roads.engine import RoadEngine
from tests.builders import NOW, a_ring, an_engine, an_offer
from tests.bulk_columns import contents


@pytest.fixture(scope="module")
def engine() -> RoadEngine:
    return an_engine(a_ring())


def offers_of(count: int) -> list[Offer]:
    random_ = random.Random(count)
    return [
        an_offer(
            (random_.randrange(6), random_.random()),
            (random_.randrange(6), random_.random()),
            via=[(1, 0.2), (4, 0.5)][: random_.randrange(3)],
            departure=NOW + timedelta(minutes=random_.randrange(300)),
            offer_id=UUID(int=random_.getrandbits(128)),
        )
        for _ in range(count)
    ]


def test_rows_are_put_together_by_slot_reach_and_place(engine: RoadEngine) -> None:
    rng = np.random.default_rng(3)
    count, block = 4_000, 16
    rows: dict[str, npt.NDArray[Any]] = {
        "leg_count": rng.choice([1, 1, 3], count).astype(np.uint8),
        "departure_ms": rng.integers(0, 5 * SLOT_MS, count),
        "shift_ms": rng.integers(-1000, 1000, count).astype(np.int32),
        "reach_ms": rng.integers(0, 10_000, count).astype(np.int32),
        "origin_node": rng.integers(0, 10_000, count).astype(np.uint32),
        "destination_node": rng.integers(0, 10_000, count).astype(np.uint32),
    }
    order = order_of_rows(rows, block)
    assert sorted(order.tolist()) == list(range(count))
    several, slot = (rows["leg_count"] > 1)[order], ((rows["departure_ms"] - rows["shift_ms"]) // SLOT_MS)[order]
    assert (np.diff(several.astype(int)) >= 0).all()
    for kind in (several, ~several):
        assert (np.diff(slot[kind]) >= 0).all()
    # As narrow one way as the other: each side of a block is a small part of all places.
    for name in ("reach_ms", "origin_node", "destination_node"):
        values = rows[name][order][: count // block * block].reshape(-1, block).astype(np.int64)
        assert np.median(np.ptp(values, axis=1)) < 10_000 / 2
    assert len(order_of_rows({name: column[:0] for name, column in rows.items()}, block)) == 0


def test_what_is_written_while_rows_are_sorted_is_repeated(engine: RoadEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offers replaced, added, added and removed, cancelled and put again, in several rounds, the last of which is
    done under the lock.
    """
    offers = offers_of(60)
    index, expected = OfferIndex(engine, block=8), OfferIndex(engine, block=8)
    for offer in offers[:40]:
        index.put(offer)

    def put_the_rest(to: OfferIndex) -> None:
        for offer in offers[42:]:
            to.put(offer)

    writes: list[Callable[[OfferIndex], None]] = [
        lambda to: to.put(replace(offers[0], version=2, seats_left=2)),
        lambda to: to.put(offers[40]),
        lambda to: to.put(offers[41]),
        lambda to: to.remove(offers[41].id),
        lambda to: to.put(replace(offers[1], version=5, status=OfferStatus.CANCELLED)),
        lambda to: to.put(replace(offers[1], version=6)),
        lambda to: to.put(replace(offers[40], version=2)),
        lambda to: to.remove(offers[2].id),
        put_the_rest,
    ]
    rounds = iter([writes[:3], writes[3:]])
    sort, again = compacted, repeat

    def sort_slowly(source: Contents, block: int) -> Store:
        for write in next(rounds):
            write(index)
        return sort(source, block)

    def repeat_slowly(fresh: Store, then: Contents, now: Contents) -> None:
        again(fresh, then, now)
        if not index._lock.locked():
            for write in next(rounds):
                write(index)

    monkeypatch.setattr(index_module, "compacted", sort_slowly)
    monkeypatch.setattr(index_module, "repeat", repeat_slowly)
    monkeypatch.setattr(index_module, "_FEW_WRITES", 1)
    monkeypatch.setattr(index_module, "differences", lambda then, now: 2 if now.count < 50 else 1)
    snapshot = index.snapshot("nobody")
    index.compact()
    for offer in offers[:40]:
        expected.put(offer)
    for write in writes:
        write(expected)
    assert next(rounds, None) is None
    assert contents(index) == contents(expected)
    assert len(snapshot.alive()) == 40
    index.put(replace(offers[1], version=5))
    assert contents(index) == contents(expected), "an older version is still ignored"


def test_one_thread_sorts_while_others_write_and_search(engine: RoadEngine) -> None:
    index = OfferIndex(engine, block=8, least_tail=32)  # sorts itself in threads of its own, all the time
    offers = offers_of(400)
    stop = threading.Event()
    wrong: list[str] = []

    def count() -> None:
        while not stop.is_set():
            before = len(offers_written)
            held = len(index.snapshot("nobody").alive())
            if held < before - 1:
                wrong.append(f"{held} of {before}")

    offers_written: list[int] = []
    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number, offer in enumerate(offers):
        index.put(offer)
        offers_written.append(number)
        index.put(replace(offer, version=2, seats_left=1))
    stop.set()
    for thread in threads:
        thread.join()
    index.compact()
    assert wrong == []
    expected = OfferIndex(engine, block=8)
    for offer in offers:
        expected.put(replace(offer, version=2, seats_left=1))
    assert contents(index) == contents(expected)


def test_sorting_begins_by_itself_and_once_at_a_time(engine: RoadEngine) -> None:
    begun: list[Callable[[], None]] = []
    index = OfferIndex(engine, block=8, least_tail=10, start=begun.append)
    for offer in offers_of(30):
        index.put(offer)
    assert len(begun) == 1
    begun.pop()()
    assert index._store.sorted_rows == 30
    for offer in offers_of(30)[:11]:
        index.remove(offer.id)
    assert len(begun) == 1
    begun.pop()()
    assert index._store.row_count == 19
