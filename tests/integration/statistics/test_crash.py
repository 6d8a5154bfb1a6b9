"""Statistics are a recount of the raw events though the database and a process that counts are killed with SIGKILL,
and begin again.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from bisect import bisect_right
from itertools import takewhile
from zoneinfo import ZoneInfo

from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.migrations import migrate
from matcher.postgres.pool import Database
from matcher.statistics.buckets import bucket_edges
from matcher.statistics.model import BucketSize, SearchRow
from matcher.statistics.read import ReadStatistics
from matcher.statistics.search_store import PostgresSearchStore
from matcher.statistics.store import PostgresStatistics
from tests.integration.postgres.servers import kill_at_once
from tests.integration.search_rows import BEGIN, REGION, assert_counts
from tests.integration.search_writer import WITHIN, searches
from tests.integration.service_process import enterable_folder


class _Writer:
    """A process of tests/integration/search_writer.py."""

    def __init__(self, url: str, seed: str) -> None:
        self.seed = seed
        self.written = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.search_writer", url, seed],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def until_written(self, more: int) -> None:
        """Until so many more searches are said to be on disk."""
        assert self.process.stdout is not None
        enough = self.written + more
        while self.written < enough:
            line = self.process.stdout.readline()
            assert line, f"{self.seed} has ended with {self.process.wait()}"
            self.written = int(line.split()[1])

    def kill(self) -> None:
        """SIGKILL. What it said before it died counts."""
        self.process.kill()
        self._heard(self.process.communicate()[0])

    def stop(self) -> None:
        """Let it end in its own way: everything it noted is on disk."""
        self._heard(self.process.communicate(timeout=60)[0])
        assert self.process.returncode == 0

    def _heard(self, text: str) -> None:
        whole = [line.split() for line in text.splitlines(keepends=True) if line.endswith("\n")]
        self.written = max([self.written, *(int(words[1]) for words in whole)])
        if whole and len(whole[-1]) == 4:
            assert whole[-1][1] == whole[-1][3], "a graceful end loses nothing"


async def _raw(database: Database) -> dict[str, bool]:
    """The id of every search that is on disk, and whether it was booked. None is ever dropped in this test."""
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT id, booked FROM searches")
    return {str(row["id"]): row["booked"] for row in rows}


async def _assert_is_recount(database: Database, rows: list[SearchRow], booked: set[str]) -> None:
    reader = ReadStatistics(PostgresStatistics(database), REGION, least_in_cell=5)
    for size, zone in ((BucketSize.HOUR, ZoneInfo("UTC")), (BucketSize.DAY, ZoneInfo("America/Santiago"))):
        found = await reader.matches(BEGIN, BEGIN + WITHIN, size, zone)
        edges = bucket_edges(BEGIN, BEGIN + WITHIN, size, zone)
        parts: list[list[SearchRow]] = [[] for _ in edges[1:]]
        for row in rows:
            parts[bisect_right(edges, row.at.timestamp()) - 1].append(row)
        for numbers, part in zip([found.totals[0], *found.series], [rows, *parts], strict=True):
            assert_counts(numbers, part, booked=sum(str(row.id) in booked for row in part))


async def test_statistics_are_a_recount_after_everything_was_killed_and_began_again() -> None:
    seed = str(random.SystemRandom().randrange(2**32))
    writers: list[_Writer] = []
    with enterable_folder() as folder:
        server = EmbeddedPostgres(folder)

        def begin(name: str) -> _Writer:
            writers.append(_Writer(server.url, f"{seed}-{name}"))
            return writers[-1]

        def story() -> None:
            first, second = begin("a"), begin("b")
            for writer in (first, second):
                writer.until_written(40)
            kill_at_once(server)
            server.start()
            for writer in (first, second):
                writer.until_written(40)
            first.kill()
            third = begin("c")
            for writer in (second, third):
                writer.until_written(40)
                writer.stop()

        await asyncio.to_thread(server.start)
        try:
            await migrate(server.url)
            await asyncio.to_thread(story)
            database = await Database.open(server.url, min_size=1, max_size=2)
            raw = await _raw(database)
            rows = []
            for writer in writers:
                # They are written in the order in which they were asked.
                found = list(takewhile(lambda row: str(row.id) in raw, searches(writer.seed)))
                assert len(found) >= writer.written, f"{writer.seed}: a search that was said to be on disk is not"
                rows += found
            assert len(rows) == len(raw), "nothing is there that nobody asked"
            booked = {search for search, was_booked in raw.items() if was_booked}
            assert booked
            await _assert_is_recount(database, rows, booked)
            while await PostgresSearchStore(database).roll_up(limit=1000):
                pass
            await _assert_is_recount(database, rows, booked)
            await database.close()
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            for writer in writers:
                writer.process.kill()
                await asyncio.to_thread(writer.process.communicate)
            await asyncio.to_thread(server.stop)
