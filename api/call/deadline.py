"""How long a call may take, and what becomes of its work when its time is over or its caller has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from api.call.errors import DeadlineExceeded
from api.traffic import Finishing

T = TypeVar("T")


async def in_time(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """The result of something that changes nothing. It is cancelled, down to the statement that the database is at, when its time is over
    or its caller goes away. Raises DeadlineExceeded."""
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            return await work
    except TimeoutError:
        if not deadline.expired():
            raise
        raise DeadlineExceeded("the answer was not ready in time: try again in a moment") from None


async def to_the_end(work: Coroutine[Any, Any, T], seconds: float, finishing: Finishing) -> T:
    """The result of something that changes something. Begun, it is finished, so that nothing is left half done; only the waiting
    ends. Raises DeadlineExceeded."""
    task = finishing.begin(work)
    return await in_time(_shielded(task), seconds)


async def _shielded(task: asyncio.Task[T]) -> T:
    return await asyncio.shield(task)
