"""Deadlines of calls, and what becomes of their work when they pass or the caller goes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from api.call.errors import DeadlineExceeded
from api.traffic import Finishing

T = TypeVar("T")


async def in_time(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """The result of a read, cancelled down to the SQL statement at the deadline or when the caller goes.

    Raises DeadlineExceeded.
    """
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            return await work
    except TimeoutError:
        if not deadline.expired():
            raise
        raise DeadlineExceeded("the answer was not ready in time: try again in a moment") from None


async def to_the_end(work: Coroutine[Any, Any, T], seconds: float, finishing: Finishing) -> T:
    """The result of a change. It is always finished, so that nothing is half done; only the waiting ends.

    Raises DeadlineExceeded.
    """
    task = finishing.begin(work)
    return await in_time(_shielded(task), seconds)


async def _shielded(task: asyncio.Task[T]) -> T:
    return await asyncio.shield(task)
