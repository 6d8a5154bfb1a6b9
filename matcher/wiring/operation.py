"""What operators see and what protects the service, wired: shared rate limits, the gate for searches, and the numbers that parts have."""

from __future__ import annotations

import asyncio
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass, field
from pathlib import Path

from matcher.events.webhooks.deliveries import PostgresDeliveries
from matcher.events.webhooks.webhook import DeliveryStatus
from matcher.operation.compute_threads import ComputeThreads
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
    Reading,
    Telemetry,
)
from matcher.postgres.pool import Database
from matcher.settings.all import Settings

_MEMORY_FILE = Path("/proc/self/statm")
_PAGE = resource.getpagesize()


@dataclass(frozen=True)
class Operation:
    """What the edge asks before it lets a call in, and what it reads for those who watch."""

    rate_limits: RateLimiter
    search_gate: SearchGate
    kept_rate_limits: PostgresRateLimits
    readings: tuple[Reading, ...] = field(default=())


def make_operation(
    settings: Settings,
    telemetry: Telemetry,
    *,
    database: Database,
    secret: bytes,
    processors: ComputeThreads,
    index: Sized,
    lag_s: Callable[[], float],
    region: str,
    version: str,
    readings: tuple[Reading, ...] = (),
) -> Operation:
    """Everything of this process. `readings` are those of other areas."""
    protection = settings.protection
    gate = SearchGate(
        processors,
        target_s=protection.queue_target_ms / 1000,
        limit_s=protection.queue_limit_ms / 1000,
        clock=time.monotonic,
        telemetry=telemetry,
    )
    telemetry.set(BUILD, 1, version, region, platform.python_version())
    telemetry.set(POOL_LIMIT, settings.storage.database_pool_max)
    kept = PostgresRateLimits(database)
    return Operation(
        RateLimiter(kept, secret, telemetry=telemetry),
        gate,
        kept,
        (
            Reading(INDEX_OFFERS, lambda: len(index)),
            Reading(INDEX_LAG, lag_s),
            Reading(POOL, lambda: database.connections_used, ("used",)),
            Reading(POOL, lambda: database.connections_idle, ("idle",)),
            Reading(QUEUE_WAIT, lambda: gate.expected_wait_s),
            Reading(MEMORY, _resident_bytes),
            Reading(CPU, time.process_time),
            *_of_deliveries(PostgresDeliveries(database)),
            *readings,
        ),
    )


def _of_deliveries(deliveries: PostgresDeliveries) -> Iterator[Reading]:
    """How many wait and how many were given up: the first asks for both, the second has what it was told."""
    given_up = 0.0

    async def waiting() -> float:
        nonlocal given_up
        counts = await deliveries.counts()
        given_up = counts[DeliveryStatus.DEAD]
        return counts[DeliveryStatus.PENDING]

    yield Reading(EVENTS_WAITING, waiting, elsewhere=True)
    yield Reading(EVENTS_DEAD, lambda: given_up, elsewhere=True)


async def _resident_bytes() -> float:
    """What the process holds in memory now, where the system tells; else the most that it has held."""
    try:
        return await asyncio.to_thread(_pages) * _PAGE
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def _pages() -> int:
    return int(_MEMORY_FILE.read_text(encoding="ascii").split()[1])
