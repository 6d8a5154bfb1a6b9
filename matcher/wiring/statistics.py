"""Statistics, wired: what notes searches, what adds them up, and what reads the sums."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from matcher.operation.telemetry import SEARCH_LOG_LOST, Reading
from matcher.postgres.pool import Database
from matcher.settings.statistics import StatisticsSettings
from matcher.statistics.jobs import run_roll_up, run_search_log
from matcher.statistics.read import ReadStatistics
from matcher.statistics.search_log import SearchLog
from matcher.statistics.search_store import PostgresSearchStore
from matcher.statistics.store import PostgresStatistics


@dataclass(frozen=True)
class Counting:
    """What the service needs to count its searches. `drain` is for the end, when the loops are over."""

    search_log: SearchLog
    read_statistics: ReadStatistics
    loops: tuple[Coroutine[Any, Any, None], ...]
    readings: tuple[Reading, ...]
    drain: Callable[[], Coroutine[Any, Any, None]]


def make_counting(
    settings: StatisticsSettings,
    pool: Database,
    region: str,
    *,
    make_id: Callable[[], UUID],
    clock: Callable[[], datetime],
) -> Counting:
    """Everything of this process. Run the loops, and drain before the pool is closed."""
    store = PostgresSearchStore(pool)
    search_log = SearchLog(store, region, make_id=make_id, capacity=settings.stats_waiting_rows)
    return Counting(
        search_log,
        make_read_statistics(settings, pool, region),
        (
            run_search_log(search_log, every_s=settings.stats_write_interval_s, clock=clock),
            run_roll_up(
                store,
                every_s=settings.stats_rollup_interval_s,
                kept=timedelta(days=settings.stats_rows_kept_days),
                clock=clock,
            ),
        ),
        (Reading(SEARCH_LOG_LOST, lambda: search_log.lost_total),),
        lambda: search_log.drain(clock()),
    )


def make_read_statistics(settings: StatisticsSettings, pool: Database, region: str) -> ReadStatistics:
    """What answers questions about the past of a region."""
    return ReadStatistics(PostgresStatistics(pool), region, least_in_cell=settings.stats_least_in_cell)
