"""Writes one row for each search, without delaying the search."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from matcher.domain.errors.tree import Unavailable
from matcher.domain.match import MatchAnswer, MatchRequest
from matcher.statistics.model import QUARTER_S, LostSearches, SearchRow

#: A booking whose search has no row after this long is of a search that was lost.
PATIENCE = timedelta(minutes=2)
_log = logging.getLogger(__name__)


class SearchStore(Protocol):
    """Where rows of searches are written."""

    async def write(self, rows: Sequence[SearchRow], lost: Sequence[LostSearches]) -> None:
        """Write all in one transaction; what is there already is not written again. Raises DatabaseUnavailable."""

    async def mark_booked(self, search_ids: Sequence[UUID]) -> list[UUID]:
        """Count searches as booked, each at most once; returns the ids without a row. Raises DatabaseUnavailable."""


class SearchLog:
    """Takes a row of each search and writes them in batches, off the path of the search.

    At most `capacity` rows wait; what comes then is lost, and counted. What waits when the process is killed is lost
    uncounted: with a database that answers, what came within one interval of the worker that calls `flush`. For one
    event loop.
    """

    def __init__(
        self,
        store: SearchStore,
        region: str,
        *,
        make_id: Callable[[], UUID],
        capacity: int = 10_000,
        batch: int = 1_000,
        request_id: Callable[[], str | None] = lambda: None,
    ) -> None:
        """request_id: under which the log knows the call that is answered now."""
        self._store = store
        self._region = region
        self._make_id = make_id
        self._capacity = capacity
        self._batch = batch
        self._request_id = request_id
        self._rows: deque[SearchRow] = deque()
        self._booked: deque[tuple[UUID, datetime]] = deque()
        self._losses: dict[int, int] = {}
        self._noted: list[LostSearches] = []
        self._busy = asyncio.Lock()
        self._full = asyncio.Event()
        self.lost_total = 0
        self.written_total = 0

    @property
    def waiting(self) -> int:
        return len(self._rows)

    def new_id(self) -> UUID:
        """An id for a search, which its match ids quote."""
        return self._make_id()

    def answered(self, request: MatchRequest, answer: MatchAnswer, now: datetime) -> None:
        try:
            self.record(SearchRow.of(self._region, request, answer, now, self._request_id()))
        except Exception:  # noqa: BLE001  # the rider has an answer: a row that cannot be made is our trouble
            _log.exception("a search could not be noted")
            self._lose(now, 1)

    def record(self, row: SearchRow) -> None:
        """Keep a row to be written; when too many wait, it is counted as lost. Never blocks and never raises."""
        if len(self._rows) >= self._capacity:
            self._lose(row.at, 1)
            return
        self._rows.append(row)
        if len(self._rows) >= self._batch:
            self._full.set()

    def booked(self, search_id: UUID, now: datetime) -> None:
        """A match of this search was booked. Never blocks and never raises; when too many wait, it is not counted."""
        if len(self._booked) < self._capacity:
            self._booked.append((search_id, now))

    async def wait(self, at_most_s: float) -> None:
        """Return when a batch is full, and after `at_most_s` seconds."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._full.wait()
        except TimeoutError:
            pass

    async def flush(self, now: datetime) -> None:
        """Write what waits, batch by batch. What could not be written waits on. Raises DatabaseUnavailable.

        A batch whose outcome is unknown is written again: its ids keep it from being counted twice.
        """
        async with self._busy:
            self._full.clear()
            while self._rows or self._losses or self._noted:
                await self._write_batch()
            left = len(self._booked)
            while left > 0:
                left -= await self._mark_batch(min(left, self._batch), now)

    async def drain(self, now: datetime) -> None:
        """Write what waits, once more, when the service ends; what cannot be written is lost and said so."""
        try:
            await self.flush(now)
        except Unavailable as error:
            _log.warning("%d searches left no row: %s", len(self._rows), error.detail)

    async def _write_batch(self) -> None:
        rows = list(itertools.islice(self._rows, self._batch))
        self._noted += [
            LostSearches(self._make_id(), self._region, datetime.fromtimestamp(at, UTC), count)
            for at, count in self._losses.items()
        ]
        self._losses.clear()
        noted = list(self._noted)
        try:
            await self._store.write(rows, noted)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001  # a row that the database refuses must not keep all later ones from being written
            _log.exception("%d searches could not be written", len(rows))
            self._noted.clear()
            for row in rows:
                self._lose(row.at, 1)
        else:
            self.written_total += len(rows)
            del self._noted[: len(noted)]
        # They were left in the queue while they were written, so that being cancelled loses nothing.
        for _ in rows:
            self._rows.popleft()

    async def _mark_batch(self, count: int, now: datetime) -> int:
        taken = list(itertools.islice(self._booked, count))
        missing = set(await self._store.mark_booked([search_id for search_id, _ in taken]))
        for _ in taken:
            self._booked.popleft()
        # The row may still wait in another process.
        self._booked.extend((search_id, at) for search_id, at in taken if search_id in missing and now - at < PATIENCE)
        return count

    def _lose(self, at: datetime, count: int) -> None:
        self.lost_total += count
        quarter = int(at.timestamp()) // QUARTER_S * QUARTER_S
        self._losses[quarter] = self._losses.get(quarter, 0) + count
