"""Wires rate limits, load shedding and the readings of metrics."""

from __future__ import annotations

import asyncio
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from matcher.events.webhooks.deliveries import PostgresDeliveries
from matcher.events.webhooks.webhook import DeliveryStatus
from matcher.operation.load_shedding import SearchGate
from matcher.operation.rate_limits import RateLimiter
from matcher.operation.rate_store import PostgresRateLimits
from matcher.operation.telemetry import (
    BUILD,
    CPU,
    EVENTS_DEAD,
    EVENTS_WAITING,
    INDEX_LAG,
    INDEX_OFFERS,
    MEMORY,
    POOL,
    POOL_LIMIT,
    QUEUE_WAIT,
    SEARCH_LOG_LOST,
    Reading,
)
from matcher.wiring.ground import Ground

_MEMORY_FILE = Path("/proc/self/statm")
_PAGE = resource.getpagesize()


@dataclass(frozen=True)
class Operation:
    """What the edge asks before it lets a call in, and what metrics read."""

    rate_limits: RateLimiter
    search_gate: SearchGate
    readings: tuple[Reading, ...]


def make_operation(ground: Ground, *, version: str, lag_s: Callable[[], float]) -> Operation:
    """Everything of this process."""
    protection, pool, telemetry = ground.settings.protection, ground.database.pool, ground.telemetry
    gate = SearchGate(
        ground.executor,
        target_s=protection.queue_target_ms / 1000,
        limit_s=protection.queue_limit_ms / 1000,
        clock=time.monotonic,
        telemetry=telemetry,
    )
    telemetry.set(BUILD, 1, version, ground.region, platform.python_version())
    telemetry.set(POOL_LIMIT, ground.settings.storage.database_pool_max)
    return Operation(
        RateLimiter(ground.get(PostgresRateLimits), ground.secrets.key_pepper.own, telemetry=telemetry),
        gate,
        (
            Reading(INDEX_OFFERS, lambda: len(ground.live)),
            Reading(INDEX_LAG, lag_s),
            Reading(POOL, lambda: pool.connections_used, ("used",)),
            Reading(POOL, lambda: pool.connections_idle, ("idle",)),
            Reading(QUEUE_WAIT, lambda: gate.expected_wait_s),
            Reading(MEMORY, _resident_bytes),
            Reading(CPU, time.process_time),
            Reading(SEARCH_LOG_LOST, lambda: ground.search_log.lost_total),
            *_of_deliveries(ground.get(PostgresDeliveries)),
        ),
    )


def _of_deliveries(deliveries: PostgresDeliveries) -> Iterator[Reading]:
    """How many wait and how many were given up: the first reads both numbers, the second repeats its own."""
    given_up = 0.0

    async def waiting() -> float:
        nonlocal given_up
        counts = await deliveries.counts()
        given_up = counts[DeliveryStatus.DEAD]
        return counts[DeliveryStatus.PENDING]

    yield Reading(EVENTS_WAITING, waiting, elsewhere=True)
    yield Reading(EVENTS_DEAD, lambda: given_up, elsewhere=True)


async def _resident_bytes() -> float:
    """Resident memory now, where the system tells; else its peak."""
    try:
        return await asyncio.to_thread(_pages) * _PAGE
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def _pages() -> int:
    return int(_MEMORY_FILE.read_text(encoding="ascii").split()[1])
