"""Threads for what computes, which know how much of it there is and carry along what belongs to the call."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Work:
    """What jobs have taken of a processor so far on account of one call, and how long they have waited to run."""

    cpu_s: float = 0.0
    waited_s: float = 0.0


_WORK: contextvars.ContextVar[Work | None] = contextvars.ContextVar("work", default=None)


@contextmanager
def metered() -> Iterator[Work]:
    """Jobs that are given in the block, by whatever task it leads to, are counted together."""
    work = Work()
    outer = _WORK.set(work)
    try:
        yield work
    finally:
        _WORK.reset(outer)


class ComputeThreads(ThreadPoolExecutor):
    """An executor whose jobs see the context variables of whoever gave them (the request id among them), and are timed.

    `busy_s` is the time that all jobs have run so far, `waited_s` the time that they have waited to run, `jobs` how
    many have begun, `pending` how many run or wait. A job that is cancelled before it begins does not run.
    """

    def __init__(self, threads: int) -> None:
        super().__init__(max_workers=threads, thread_name_prefix="compute")
        self.threads = threads
        self.busy_s = 0.0
        self.waited_s = 0.0
        self.jobs = 0
        self.pending = 0
        self._count = threading.Lock()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        context, given = contextvars.copy_context(), perf_counter()

        def job() -> T:
            begun, cpu_begun = perf_counter(), thread_time()
            try:
                return context.run(fn, *args, **kwargs)
            finally:
                ended, cpu_ended = perf_counter(), thread_time()
                work = context.get(_WORK)
                with self._count:
                    self.jobs += 1
                    self.waited_s += begun - given
                    self.busy_s += ended - begun
                    if work is not None:
                        work.cpu_s += cpu_ended - cpu_begun
                        work.waited_s += begun - given

        future = super().submit(job)
        with self._count:
            self.pending += 1
        future.add_done_callback(self._no_longer_pending)
        return future

    def _no_longer_pending(self, _job: Future[T]) -> None:
        with self._count:
            self.pending -= 1
