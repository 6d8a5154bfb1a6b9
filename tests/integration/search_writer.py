"""A process that notes made-up searches and adds them up, until it is told to stop or is killed.

    python -m tests.integration.search_writer URL SEED

Says `written N` whenever its first N searches are on disk, by its own account. Ends with its input: then everything is
written.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from matcher.operation.jobs.loop import Job, in_background
from matcher.postgres.pool import Database
from matcher.statistics.model import SearchRow
from matcher.statistics.search_log import SearchLog
from matcher.statistics.search_store import PostgresSearchStore
from tests.integration.search_rows import REGION, any_row

WITHIN = timedelta(days=3)
#: More than a process ever gets to.
MOST = 20_000


def searches(seed: str) -> Iterator[SearchRow]:
    """The searches of one process, the same every time."""
    dice = random.Random(seed)
    return (any_row(dice, WITHIN) for _ in range(MOST))


def _now() -> datetime:
    return datetime.now(UTC)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _work(url: str, seed: str) -> None:
    database = await Database.open(url, min_size=1, max_size=4)
    store = PostgresSearchStore(database)
    log = SearchLog(store, REGION, make_id=uuid4)
    told = 0
    jobs = [
        Job("writing of searches", 0.02, log.flush, log.wait),
        Job("adding up of searches", 0.01, lambda now: store.add_up(now, timedelta(days=3650), limit=40)),
    ]
    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    async with in_background(jobs, _now):
        for number, row in enumerate(searches(seed)):
            log.record(row)
            if number % 7 == 0:
                log.booked(row.id, _now())
            if log.written_total > told:
                told = log.written_total
                _say(f"written {told}")
            await asyncio.wait([ended], timeout=0.003)
            if ended.done():
                break
    await log.drain(_now())
    _say(f"written {log.written_total} of {number + 1}")
    await database.close()


if __name__ == "__main__":
    asyncio.run(_work(*sys.argv[1:3]))
