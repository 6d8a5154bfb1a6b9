"""The search log: it never keeps a search waiting, loses no more than it says, and writes nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.statistics.model import LostSearches, SearchRow
from matcher.statistics.search_log import PATIENCE, SearchLog
from tests.integration.search_rows import BEGIN, REGION, a_row


class _Store:
    """Keeps what is written by id, as the database does, and fails as told: None is success."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self.rows: dict[UUID, SearchRow] = {}
        self.lost: dict[UUID, LostSearches] = {}
        self.booked: set[UUID] = set()
        self.batches: list[int] = []
        self.outcomes = list(outcomes)

    async def write(self, rows: Sequence[SearchRow], lost: Sequence[LostSearches]) -> None:
        await asyncio.sleep(0)
        self.batches.append(len(rows))
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if not isinstance(outcome, RuntimeError):  # a DatabaseUnavailable may come after the commit
            self.rows |= {row.id: row for row in rows}
            self.lost |= {note.id: note for note in lost}
        if outcome is not None:
            raise outcome

    async def mark_booked(self, search_ids: Sequence[UUID]) -> list[UUID]:
        self.booked |= set(search_ids) & self.rows.keys()
        return [search_id for search_id in search_ids if search_id not in self.rows]


def _log(store: _Store, *, capacity: int = 100, batch: int = 10) -> SearchLog:
    return SearchLog(store, REGION, make_id=uuid4, capacity=capacity, batch=batch)


async def test_rows_are_written_in_batches() -> None:
    store = _Store()
    log = _log(store)
    rows = [a_row() for _ in range(25)]
    for row in rows:
        log.record(row)
    await log.flush(BEGIN)
    assert (store.batches, list(store.rows.values())) == ([10, 10, 5], rows)
    assert (log.waiting, log.written_total, log.lost_total) == (0, 25, 0)


async def test_what_does_not_fit_is_lost_and_counted_in_its_quarter() -> None:
    store = _Store()
    log = _log(store, capacity=3)
    for minute in range(3 + 30):
        log.record(a_row(at=BEGIN + timedelta(minutes=minute)))
    assert (log.waiting, log.lost_total) == (3, 30)
    await log.flush(BEGIN)
    assert {note.at: note.searches for note in store.lost.values()} == {
        BEGIN: 12,
        BEGIN + timedelta(minutes=15): 15,
        BEGIN + timedelta(minutes=30): 3,
    }


async def test_a_write_of_unknown_outcome_is_repeated_under_the_same_ids() -> None:
    store = _Store(DatabaseUnavailable("lost while committing"))
    log = _log(store, capacity=1)
    log.record(a_row())
    log.record(a_row())
    with pytest.raises(DatabaseUnavailable):
        await log.flush(BEGIN)
    assert log.waiting == 1
    await log.flush(BEGIN)
    assert (len(store.rows), [note.searches for note in store.lost.values()]) == (1, [1])
    assert log.written_total == 1


async def test_being_cancelled_loses_nothing() -> None:
    store = _Store()
    log = _log(store)
    log.record(a_row())
    writing = asyncio.create_task(log.flush(BEGIN))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert log.waiting == 1
    await log.drain(BEGIN)
    assert len(store.rows) == 1


async def test_a_row_that_cannot_be_written_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    store = _Store(RuntimeError("refused"))
    log = _log(store)
    for _ in range(12):
        log.record(a_row())
    await log.flush(BEGIN)
    assert (len(store.rows), log.lost_total, log.waiting) == (2, 10, 0)
    assert [note.searches for note in store.lost.values()] == [10]
    assert "could not be written" in caplog.text


async def test_a_booking_waits_for_its_search_and_then_gives_up() -> None:
    store = _Store()
    log = _log(store)
    row, stranger = a_row(), uuid4()
    log.booked(row.id, BEGIN)
    log.booked(stranger, BEGIN)
    await log.flush(BEGIN)
    assert store.booked == set()
    await store.write([row], [])  # by another process
    await log.flush(BEGIN + timedelta(seconds=1))
    assert store.booked == {row.id}
    assert list(log._booked) == [(stranger, BEGIN)]
    await log.flush(BEGIN + PATIENCE)
    assert not log._booked


async def test_waiting_ends_when_a_batch_is_full() -> None:
    log = _log(_Store(), batch=2)
    waiting = asyncio.create_task(log.wait(3600))
    log.record(a_row())
    await asyncio.sleep(0)
    assert not waiting.done()
    log.record(a_row())
    await asyncio.wait_for(waiting, 60)
    await log.flush(BEGIN)
    await log.wait(0.001)
