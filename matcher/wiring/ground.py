"""The ground that every part stands on: opened once, and kept when the region is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

import structlog
import uuid_utils.compat

from matcher.money.carbon import CarbonFactor
from matcher.money.cost_sharing import CostSharing
from matcher.operation.compute_threads import ComputeThreads
from matcher.operation.telemetry import Telemetry
from matcher.people.block_store import PostgresBlocks
from matcher.people.blocks import Blocks
from matcher.postgres.pool import Database
from matcher.search.live.region import LiveOffers
from matcher.settings.all import Settings
from matcher.statistics.search_log import SearchLog
from matcher.statistics.search_store import PostgresSearchStore
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.offers.store import PostgresOffers
from matcher.trips.tickets import MatchTokens
from matcher.trips.writer import TripWriter
from matcher.wall_clock import utc_now
from matcher.wiring.database import OpenDatabase
from matcher.wiring.secrets import Secrets

T = TypeVar("T")


def _uuid7() -> UUID:
    return uuid_utils.compat.uuid7()


@dataclass(frozen=True, eq=False)
class Ground:
    """What is opened, and the parts of which there is one for the whole service."""

    settings: Settings
    telemetry: Telemetry
    database: OpenDatabase
    executor: ComputeThreads
    secrets: Secrets
    live: LiveOffers
    cost_sharing: CostSharing
    clock: Callable[[], datetime] = utc_now
    make_id: Callable[[], UUID] = _uuid7
    _stores: dict[Callable[[Database], Any], Any] = field(default_factory=dict)

    def get(self, kind: Callable[[Database], T]) -> T:
        """The one store of a class, on the pool: `ground.get(PostgresOffers)`."""
        if kind not in self._stores:
            self._stores[kind] = kind(self.database.pool)
        found: T = self._stores[kind]
        return found

    @cached_property
    def region(self) -> str:
        return self.live.now.roads.name

    @cached_property
    def offers(self) -> PostgresOffers:
        return self.get(PostgresOffers)

    @cached_property
    def writer(self) -> TripWriter:
        """Writes trips to the database and to memory; drain it before the pool is closed."""
        return TripWriter(self.offers, self.get(PostgresTrips), self.live)

    @cached_property
    def blocks(self) -> Blocks:
        return Blocks(self.get(PostgresBlocks))

    @cached_property
    def search_log(self) -> SearchLog:
        """Takes a row of each search; drain it before the pool is closed."""
        return SearchLog(
            self.get(PostgresSearchStore),
            self.region,
            make_id=self.make_id,
            capacity=self.settings.statistics.stats_waiting_rows,
            request_id=lambda: structlog.contextvars.get_contextvars().get("request_id"),
        )

    async def drain_searches(self) -> None:
        """Write the rows of searches that wait."""
        await self.search_log.drain(self.clock())

    @cached_property
    def tokens(self) -> MatchTokens:
        """Signs and reads match ids."""
        lifetime, secret = timedelta(seconds=self.settings.matching.match_lifetime_s), self.secrets.match
        return MatchTokens(secret.own, lifetime, secret.others)

    @cached_property
    def carbon(self) -> CarbonFactor:
        """What a car emits."""
        return CarbonFactor(self.settings.matching.carbon_g_per_km, self.settings.matching.carbon_source)

    @cached_property
    def horizon(self) -> timedelta:
        """How far ahead a trip may be published."""
        return timedelta(days=self.settings.offers.offer_horizon_days)


def compute_threads(stack: AsyncExitStack, threads: int) -> ComputeThreads:
    """Threads for computing; they end with the stack, after the work they were given."""
    executor = ComputeThreads(threads)
    stack.push_async_callback(asyncio.to_thread, executor.shutdown)
    return executor
