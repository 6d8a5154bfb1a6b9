"""Threads for what computes, which know how much of it there is and carry along what belongs to the call."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ComputeThreads(ThreadPoolExecutor):
    """An executor whose jobs see the context variables of whoever gave them (the request id among them), and are timed.

    `busy_s` is the time that all jobs have run so far, `waited_s` the time that they have waited to run, `jobs` how many have begun.
    A job that is cancelled before it begins does not run.
    """

    def __init__(self, threads: int) -> None:
        super().__init__(max_workers=threads, thread_name_prefix="compute")
        self.threads = threads
        self.busy_s = 0.0
        self.waited_s = 0.0
        self.jobs = 0
        self._count = threading.Lock()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As the executor does, with the caller's context."""
        context, given = contextvars.copy_context(), perf_counter()

        def job() -> T:
            begun = perf_counter()
            try:
                return context.run(fn, *args, **kwargs)
            finally:
                ended = perf_counter()
                with self._count:
                    self.jobs += 1
                    self.waited_s += begun - given
                    self.busy_s += ended - begun

        return super().submit(job)
