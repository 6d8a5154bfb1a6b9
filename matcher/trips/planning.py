"""The planner, run in the threads for CPU work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from matcher.trips.planner import TripPlanner

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Planning:
    """`await planning(lambda planner: ...)` runs synchronous planning beside the event loop."""

    planner: TripPlanner
    executor: Executor

    async def __call__(self, work: Callable[[TripPlanner], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.executor, work, self.planner)
