"""Threads for what computes: shared fairly by the callers, measured, and with the context of the call."""

from __future__ import annotations

import contextvars
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import ParamSpec, TypeVar

from matcher.operation.fair_line import FairLine

P = ParamSpec("P")
T = TypeVar("T")


#: Whose jobs are those that no caller gave.
NOBODY = ""


@dataclass(slots=True)
class Work:
    """What jobs have taken of a processor so far on account of one call of `who`, how long they ran and waited to."""

    who: str = NOBODY
    cpu_s: float = 0.0
    ran_s: float = 0.0
    waited_s: float = 0.0


_WORK: contextvars.ContextVar[Work | None] = contextvars.ContextVar("work", default=None)


@contextmanager
def metered(who: str = NOBODY) -> Iterator[Work]:
    """Jobs that are given in the block, by whatever task it leads to, are counted together, and as the caller's."""
    work = Work(who)
    outer = _WORK.set(work)
    try:
        yield work
    finally:
        _WORK.reset(outer)


class ComputeThreads(ThreadPoolExecutor):
    """An executor whose jobs see the context variables of whoever gave them (the request id among them), and are timed.

    `threads` jobs run at once, and sometimes one more; those that wait run in the order of FairLine.

    `busy_s` is the time that all jobs have run so far, `waited_s` the time that they have waited to run, `jobs` how
    many have begun, `pending` how many run or wait. A job that is cancelled before it begins does not run.
    """

    def __init__(self, threads: int) -> None:
        super().__init__(max_workers=threads + 1, thread_name_prefix="compute")
        self.threads = threads
        self.busy_s = 0.0
        self.waited_s = 0.0
        self.jobs = 0
        self.pending = 0
        self._pending_of: Counter[str] = Counter()
        self._line: FairLine[Callable[[], float]] = FairLine()
        self._count = threading.Lock()

    def pending_of(self, who: str) -> int:
        """How many of a caller's jobs run or wait."""
        return self._pending_of.get(who, 0)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        context, given = contextvars.copy_context(), perf_counter()
        work, future = context.get(_WORK), Future[T]()
        who = NOBODY if work is None else work.who

        def job() -> float:
            if not future.set_running_or_notify_cancel():
                return 0.0
            begun, cpu_begun = perf_counter(), thread_time()
            try:
                outcome = context.run(fn, *args, **kwargs)
            except BaseException as error:  # noqa: BLE001  # it belongs to whoever waits for the result
                cpu_s = self._note(work, given, begun, cpu_begun)
                future.set_exception(error)
            else:
                cpu_s = self._note(work, given, begun, cpu_begun)
                future.set_result(outcome)
            return cpu_s

        with self._count:
            self.pending += 1
            self._pending_of[who] += 1
            self._line.put(who, job)
            taken = self._line.take(self.threads)
        future.add_done_callback(lambda _: self._no_longer_pending(who))
        if taken is not None:
            super().submit(self._run, *taken)
        return future

    def _run(self, who: str, job: Callable[[], float]) -> None:
        """A job, and then those in line for as long as it is this thread's turn."""
        while True:
            cpu_s = job()
            with self._count:
                self._line.done(who, cpu_s)
                taken = self._line.take(self.threads)
            if taken is None:
                return
            who, job = taken

    def _note(self, work: Work | None, given: float, begun: float, cpu_begun: float) -> float:
        ended, cpu_s = perf_counter(), thread_time() - cpu_begun
        with self._count:
            self.jobs += 1
            self.waited_s += begun - given
            self.busy_s += ended - begun
            if work is not None:
                work.cpu_s += cpu_s
                work.ran_s += ended - begun
                work.waited_s += begun - given
        return cpu_s

    def _no_longer_pending(self, who: str) -> None:
        with self._count:
            self.pending -= 1
            self._pending_of[who] -= 1
            if not self._pending_of[who]:
                del self._pending_of[who]
