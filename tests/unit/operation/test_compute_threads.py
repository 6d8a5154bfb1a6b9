"""Threads that know what they do: context, times, cancellation."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from time import thread_time

import pytest

from matcher.operation.compute_threads import ComputeThreads, metered

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


async def test_a_job_sees_the_context_of_whoever_gave_it() -> None:
    loop = asyncio.get_running_loop()
    with ComputeThreads(1) as threads:

        async def call(name: str) -> str:
            WHO.set(name)
            return await loop.run_in_executor(threads, WHO.get)

        assert await asyncio.gather(*(call(name) for name in "abc")) == ["a", "b", "c"]


async def test_jobs_are_counted_with_the_time_they_ran_and_waited() -> None:
    loop, go_on = asyncio.get_running_loop(), threading.Event()
    with ComputeThreads(1) as threads:
        first = loop.run_in_executor(threads, go_on.wait)
        second = loop.run_in_executor(threads, int)
        await asyncio.sleep(0.02)
        go_on.set()
        await asyncio.gather(first, second)
    assert threads.jobs == 2
    assert threads.busy_s >= 0.015
    assert threads.waited_s >= 0.015


async def test_a_job_that_is_cancelled_while_it_waits_does_not_run() -> None:
    loop, go_on, ran = asyncio.get_running_loop(), threading.Event(), threading.Event()
    with ComputeThreads(1) as threads:
        first = loop.run_in_executor(threads, go_on.wait)
        second = loop.run_in_executor(threads, ran.set)
        second.cancel()
        await asyncio.sleep(0)
        go_on.set()
        assert threads.pending == 1
        await first
    assert not ran.is_set()
    assert (threads.jobs, threads.pending) == (1, 0)


async def test_errors_come_out_as_they_are() -> None:
    with ComputeThreads(1) as threads, pytest.raises(ZeroDivisionError):
        await asyncio.get_running_loop().run_in_executor(threads, lambda: 1 // 0)
    assert threads.jobs == 1


def _compute(cpu_s: float) -> None:
    begun = thread_time()
    while thread_time() - begun < cpu_s:
        pass


async def test_each_call_knows_what_its_own_jobs_took() -> None:
    loop = asyncio.get_running_loop()

    async def call(threads: ComputeThreads, seconds: tuple[float, ...]) -> float:
        with metered() as work:
            for pause_s in seconds:
                await loop.run_in_executor(threads, _compute, pause_s)
        return work.cpu_s

    with ComputeThreads(2) as threads:
        one, other, nothing = await asyncio.gather(
            call(threads, (0.02, 0.02)), call(threads, (0.01,)), call(threads, ())
        )
        await loop.run_in_executor(threads, int)
    assert one >= 0.038
    assert other >= 0.009
    assert nothing == 0.0
    assert threads.busy_s > one + other
