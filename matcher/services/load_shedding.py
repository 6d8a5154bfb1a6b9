"""Which searches are let in when there are more than can be computed, so that those that are let in stay fast.

After CoDel (RFC 8289): a short rush may queue, a queue that stands may not. Here the wait is estimated when a search comes, so that the
refusal comes at once instead of after the wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from matcher.domain.errors import Overloaded
from matcher.services.telemetry import QUIET, SHED, Telemetry

#: How long the wait may be above the target before the queue counts as standing (RFC 8289 section 4.3).
RUSH_S = 0.1
#: A standing queue is over when no search has found more than the target for so long; one that finds little may be lucky.
CALM_S = 1.0
#: Weight of the newest measurement of what a search takes.
_NEW = 0.1
_AT_FIRST_S = 0.005


class ControlledDelay:
    """Admits by the wait that is to be expected: up to `limit_s`, or up to `target_s` once it has been above that for RUSH_S, until it
    has been below for CALM_S.

    Times are seconds by any clock that never goes back. Pure: it only knows what it is told.
    """

    def __init__(self, target_s: float, limit_s: float) -> None:
        self._target_s = target_s
        self._limit_s = max(limit_s, target_s)
        self._above_since_s: float | None = None
        self._above_at_s = 0.0
        self.standing = False

    def admits(self, wait_s: float, now_s: float, *, at_least_s: float = 0.0) -> bool:
        """Whether a search that would wait `wait_s` is let in. A wait of `at_least_s` is always within the target: what takes long
        by nature cannot be asked to wait for less than one of its kind."""
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
    """The threads that compute: how many, and how long they have been busy altogether."""

    threads: int
    busy_s: float


class SearchGate:
    """Lets searches in, or refuses them at once. Not thread-safe: it belongs to the event loop.

    The wait is estimated from the searches that are under way, wherever they are, and from what one took of the processors lately.
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
        self._clock = clock
        self._telemetry = telemetry
        self._under_way = 0
        self._search_s = _AT_FIRST_S
        self._busy_s = processors.busy_s

    @property
    def expected_wait_s(self) -> float:
        """How long a search that came now would wait for a processor."""
        threads = self._processors.threads
        return max(0, self._under_way - threads + 1) * self._search_s / threads if self._under_way >= threads else 0.0

    def check(self) -> None:
        """Refuse a search before any work is done for it. Raises Overloaded."""
        if not self._delay.admits(self.expected_wait_s, self._clock(), at_least_s=self._search_s):
            self._telemetry.add(SHED, "queue")
            raise Overloaded("too many searches at the moment: try again", retry_after_s=1)

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """A search under way. Raises Overloaded."""
        self.check()
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            busy_s = self._processors.busy_s
            self._search_s += _NEW * (busy_s - self._busy_s - self._search_s)
            self._busy_s = busy_s
