"""Which calls are let in when there are more than can be computed, so that those that are let in stay fast.

After CoDel (RFC 8289): a short rush may queue, a queue that stands may not. Here the wait is estimated when a search
comes, so that the refusal comes at once instead of after the wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from matcher.domain.errors.tree import Overloaded
from matcher.operation.compute_threads import Work, metered
from matcher.operation.telemetry import QUIET, SHED, Telemetry

#: How long the wait may be above the target before the queue counts as standing (RFC 8289 section 4.3).
RUSH_S = 0.1
#: A standing queue is over when no search has waited longer than the target for so long.
CALM_S = 1.0
#: Changes are let in for so many times the wait up to which searches are, at most.
CHANGES_TIMES = 2.0
#: Weight of the newest measurement of what a search takes.
_NEW = 0.05
_AT_FIRST_S = 0.005
#: The same where the newest measurement of what one takes alone is above the others.
_RISING = _NEW / 10
#: A search has not waited when waiting for processors was at most this share of the time that it took.
_NEXT_TO_NOTHING = 0.1


class ControlledDelay:
    """Admits by the wait that is to be expected: up to `limit_s`, or up to `target_s` once it has been above that for
    RUSH_S, until it has been below for CALM_S.

    Times are seconds by any clock that never goes back. Pure: it only knows what it is told.
    """

    def __init__(self, target_s: float, limit_s: float) -> None:
        self._target_s = target_s
        self._limit_s = max(limit_s, target_s)
        self._above_since_s: float | None = None
        self._above_at_s = 0.0
        self.standing = False

    def admits(self, wait_s: float, now_s: float, *, at_least_s: float = 0.0) -> bool:
        """Whether a search that would wait `wait_s` is let in. A wait of `at_least_s` is always within the target: what
        takes long by nature cannot be asked to wait for less than one of its kind."""
        target_s = max(self._target_s, at_least_s)
        if wait_s <= target_s:
            self._above_since_s = None
            if now_s - self._above_at_s >= CALM_S:
                self.standing = False
            return True
        self._above_at_s = now_s
        if self._above_since_s is None:
            self._above_since_s = now_s
        if now_s - self._above_since_s >= RUSH_S:
            self.standing = True
        return not self.standing and wait_s <= max(self._limit_s, target_s)


class Processors(Protocol):
    """The threads that compute: how many, and how many jobs run on them or wait."""

    threads: int
    pending: int


class SearchGate:
    """Lets searches and changes in, or refuses them at once. Not thread-safe: it belongs to the event loop.

    The wait is what a search would take beyond what one takes that finds the processors idle. The more calls are under
    way, wherever they are, and the more time goes by for each, the longer it takes (Little's law). The time for each is
    what a search took of the processors lately or, if that is more, the time between two answers while others were
    waiting, which knows of all else: the event loop, refusals, other programs on the machine.

    Searches are refused first: a change is work lost to somebody who had made up their mind.
    """

    def __init__(
        self,
        processors: Processors,
        *,
        target_s: float,
        limit_s: float,
        clock: Callable[[], float],
        telemetry: Telemetry = QUIET,
    ) -> None:
        self._processors = processors
        self._delay = ControlledDelay(target_s, limit_s)
        self._limit_s = limit_s
        self._clock = clock
        self._telemetry = telemetry
        self._under_way = 0
        self._search_s = _AT_FIRST_S
        self._alone_s: float | None = None
        self._gap_s = 0.0
        self._answered_at_s: float | None = None

    @property
    def expected_wait_s(self) -> float:
        """How long a search that came now would wait."""
        threads = self._processors.threads
        ahead = self._ahead
        if ahead < threads:
            return 0.0
        return max(0.0, (ahead + 1) * max(self._search_s / threads, self._gap_s) - self._one_s)

    def check(self) -> None:
        """Refuse a search before any work is done for it. Raises Overloaded."""
        if not self._delay.admits(self.expected_wait_s, self._clock(), at_least_s=self._one_s):
            self._refuse("searches")

    def check_change(self) -> None:
        """Refuse a change that would wait longer than any search may. Raises Overloaded."""
        if self.expected_wait_s > CHANGES_TIMES * max(self._limit_s, self._one_s):
            self._refuse("changes")

    @contextmanager
    def one_change(self) -> Iterator[None]:
        """A change under way, which searches that come meanwhile have to wait for as for one another."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._note_gap()

    @contextmanager
    def one_more(self) -> Iterator[Work]:
        """A search under way; jobs given in the block are what it takes. Raises Overloaded."""
        self.check()
        begun_s, idle = self._clock(), self._ahead < self._processors.threads
        self._under_way += 1
        try:
            with metered() as work:
                yield work
            took_s = self._clock() - begun_s
            if idle and work.waited_s <= _NEXT_TO_NOTHING * took_s:
                self._note_alone(min(took_s, self._limit_s))
        finally:
            self._under_way -= 1
            self._search_s += _NEW * (work.cpu_s - self._search_s)
            self._note_gap()

    @property
    def _ahead(self) -> int:
        return max(self._under_way, self._processors.pending)

    @property
    def _one_s(self) -> float:
        """What a search takes that need not wait."""
        return max(self._search_s, self._alone_s or 0.0)

    def _note_alone(self, took_s: float) -> None:
        """Only searches that found the processors idle count, so that load does not raise the baseline."""
        if self._alone_s is None:
            self._alone_s = took_s
        else:
            # Idle processors are not an idle service: refusals keep the event loop busy. The minimum is the best guess.
            self._alone_s += (_NEW if took_s < self._alone_s else _RISING) * (took_s - self._alone_s)

    def _note_gap(self) -> None:
        """The time since the answer before counts when there were others all the while; else nothing is known of it."""
        now_s, earlier_s = self._clock(), self._answered_at_s
        busy = self._under_way >= self._processors.threads
        self._answered_at_s = now_s if busy else None
        if earlier_s is not None:
            self._gap_s += _NEW * (min(now_s - earlier_s, self._limit_s) - self._gap_s)
        elif not busy:
            self._gap_s *= 1 - _NEW

    def _refuse(self, what: str) -> None:
        self._telemetry.add(SHED, "queue")
        raise Overloaded(f"too many {what} at the moment: try again", retry_after_s=1)
