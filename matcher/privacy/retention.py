"""What is not needed any more is forgotten: each kind of thing after its own time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from matcher.operation.jobs.loop import repeat

EVERY_S = 3600.0
#: So many rows at once: a transaction stays short, and other instances do the same beside this one without harm.
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Something that is forgotten `kept` after it was of use. `forget(before, limit)` says how many it dropped."""

    name: str
    kept: timedelta
    forget: Callable[[datetime, int], Awaitable[int]]


async def run_retention(
    kinds: Sequence[Forgetting],
    *,
    clock: Callable[[], datetime],
    every_s: float = EVERY_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Forget what is too old, in the order given, every hour, until cancelled."""

    async def forget_all(now: datetime) -> None:
        for kind in kinds:
            while await kind.forget(now - kind.kept, AT_ONCE) == AT_ONCE:
                await sleep(0)

    await repeat("retention", forget_all, every_s=every_s, clock=clock, sleep=sleep)
