"""Which calls are let in when there are more than can be computed, so that those that are let in stay fast.

After CoDel (RFC 8289): a short rush may queue, a queue that stands may not. Here the wait is estimated when a search
comes, so that the refusal comes at once instead of after the wait. It is estimated for its caller: processors are
shared fairly (fair_line.py), so nobody waits for more of another's work than they ask for themselves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from matcher.domain.errors.tree import Overloaded, ShareUsedUp
from matcher.operation.compute_threads import NOBODY, Work, metered
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
#: Less than this is not measured well enough to divide by it.
_LEAST_S = 1e-4
#: Callers remembered; the one that has been quiet longest is forgotten first.
_REMEMBERED = 10_000


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

    def pending_of(self, who: str) -> int:
        """How many of them are a caller's."""


@dataclass(slots=True)
class _Demand:
    """What is known of a caller: calls under way, and what one of their searches takes."""

    delay: ControlledDelay
    search_s: float
    under_way: int = 0
    measured: int = 0


class SearchGate:
    """Lets searches and changes in, or refuses them at once. Not thread-safe: it belongs to the event loop.

    The wait is what a search would take beyond what one takes that finds the processors idle. The more calls are under
    way, wherever they are, and the more time goes by for each, the longer it takes (Little's law). The time for each is
    what the caller's searches took of the processors lately, times how much more time goes by between two answers while
    others are waiting, which knows of all else: the event loop, refusals, other programs on the machine.

    Of another caller's work no more counts than what this caller has under way and asks for: so who asks for much waits
    for themselves, and is refused alone. Searches are refused first: a change is work lost to somebody who had made up
    their mind.
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
        self._target_s = target_s
        self._limit_s = limit_s
        self._delay = ControlledDelay(target_s, limit_s)
        self._clock = clock
        self._telemetry = telemetry
        self._callers: OrderedDict[str, _Demand] = OrderedDict()
        self._active: dict[str, _Demand] = {}
        self._under_way = 0
        self._typical_s = _AT_FIRST_S
        self._cpu_s = self._ran_s = _AT_FIRST_S
        self._alone_s: float | None = None
        self._gap_s = 0.0
        self._answered_at_s: float | None = None

    @property
    def expected_wait_s(self) -> float:
        """How long a search would wait that came now, from somebody who has nothing under way."""
        return self._wait_s(NOBODY, 0, self._typical_s)

    def wait_of(self, who: str) -> float:
        """How long one more search of a caller would wait."""
        caller = self._caller(who)
        return self._wait_s(who, max(caller.under_way, self._processors.pending_of(who)), caller.search_s)

    def check(self, who: str = NOBODY) -> None:
        """Refuse a search of a caller before any work is done for it. Raises Overloaded."""
        caller, now_s = self._caller(who), self._clock()
        one_s = self._one_s(caller.search_s)
        wait_s = self.wait_of(who)
        of_anybody_s = self.expected_wait_s
        self._delay.admits(of_anybody_s, now_s, at_least_s=self._one_s(self._typical_s))
        alone = caller.delay.admits(wait_s, now_s, at_least_s=one_s)
        if alone and (wait_s <= max(self._target_s, one_s) or not self._delay.standing):
            return
        self._refuse("searches", own=wait_s > of_anybody_s)

    def check_change(self, who: str = NOBODY) -> None:
        """Refuse a change that would wait longer than any search may. Raises Overloaded."""
        caller, wait_s = self._caller(who), self.wait_of(who)
        if wait_s > CHANGES_TIMES * max(self._limit_s, self._one_s(caller.search_s)):
            self._refuse("changes", own=wait_s > self.expected_wait_s)

    @contextmanager
    def one_change(self, who: str = NOBODY) -> Iterator[None]:
        """A change under way, which searches that come meanwhile have to wait for as for one another."""
        with self._one_under_way(who), metered(who):
            yield

    @contextmanager
    def one_more(self, who: str = NOBODY) -> Iterator[Work]:
        """A search under way; jobs given in the block are what it takes. Raises Overloaded."""
        self.check(who)
        begun_s, idle = self._clock(), self._ahead < self._processors.threads
        with self._one_under_way(who) as caller:
            try:
                with metered(who) as work:
                    yield work
                took_s = self._clock() - begun_s
                if idle and work.waited_s <= _NEXT_TO_NOTHING * took_s:
                    self._note_alone(min(took_s, self._limit_s))
            finally:
                self._note_search(caller, work)

    @contextmanager
    def _one_under_way(self, who: str) -> Iterator[_Demand]:
        caller = self._caller(who)
        self._active[who] = caller
        self._under_way += 1
        caller.under_way += 1
        try:
            yield caller
        finally:
            self._under_way -= 1
            caller.under_way -= 1
            if not caller.under_way:
                del self._active[who]
            self._note_gap()

    @property
    def _ahead(self) -> int:
        return max(self._under_way, self._processors.pending)

    def _wait_s(self, who: str, own: int, search_s: float) -> float:
        """How long one more search waits of a caller who has `own` under way."""
        threads = self._processors.threads
        most_s = (own + 1) * search_s
        calls, work_s, known = own, most_s, own
        for other, caller in self._active.items():
            if other != who:
                theirs = max(caller.under_way, self._processors.pending_of(other))
                known += theirs
                calls += min(theirs, own + 1)
                work_s += min(theirs * caller.search_s, most_s)
        if (more := self._ahead - known) > 0:  # jobs of nobody, or of calls that are not counted here
            calls += min(more, own + 1)
            work_s += min(more * self._typical_s, most_s)
        if calls < threads:
            return 0.0
        computing_s = work_s / threads * max(1.0, self._ran_s / max(self._cpu_s, _LEAST_S))
        beside_s = (calls + 1) * max(0.0, self._gap_s - self._ran_s / threads)
        return max(0.0, computing_s + beside_s - self._one_s(search_s))

    def _one_s(self, search_s: float) -> float:
        """What a search takes that need not wait."""
        return max(search_s, self._alone_s or 0.0)

    def _caller(self, who: str) -> _Demand:
        caller = self._callers.get(who) or self._active.get(who)
        if caller is None:
            delay = ControlledDelay(self._target_s, self._limit_s)
            caller = _Demand(delay, self._typical_s)
        self._callers[who] = caller
        self._callers.move_to_end(who)
        if len(self._callers) > _REMEMBERED:
            self._callers.popitem(last=False)
        return caller

    def _note_search(self, caller: _Demand, work: Work) -> None:
        """What a search took. The typical one is that of a typical caller: many at once count as one."""
        cpu_s = work.cpu_s
        caller.measured += 1
        caller.search_s += max(_NEW, 1 / caller.measured) * (cpu_s - caller.search_s)
        self._typical_s += _NEW / caller.under_way * (cpu_s - self._typical_s)
        self._cpu_s += _NEW * (cpu_s - self._cpu_s)
        self._ran_s += _NEW * (max(cpu_s, work.ran_s) - self._ran_s)

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

    def _refuse(self, what: str, *, own: bool) -> None:
        self._telemetry.add(SHED, "share" if own else "queue")
        if own:
            raise ShareUsedUp(f"you have too many {what} under way: wait for their answers", retry_after_s=1)
        raise Overloaded(f"too many {what} at the moment: try again", retry_after_s=1)
