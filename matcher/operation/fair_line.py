"""The line in front of the processors: whoever has been given least of them lately comes first.

Start-time fair queueing (Goyal, Vin, Cheng 1996): each caller's own clock goes on by the processor time that their
jobs take, and the next job is of the caller whose clock is behind the others'. Who comes back after a rest starts at
the time of those who are being served, so that a rest saves nothing up. Alone in line, a caller gets all there is.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

J = TypeVar("J")

#: A caller who has been given so much less than another comes before them although no processor is free.
SLICE_S = 0.02
#: Weight of the newest measurement of what a caller's job takes.
_NEW = 0.2
#: Callers at rest that are remembered while others are served.
_REMEMBERED = 64


@dataclass(slots=True)
class _Share(Generic[J]):
    used_s: float
    waiting: deque[J] = field(default_factory=deque)
    running: int = 0
    job_s: float = 0.0


class FairLine(Generic[J]):
    """Jobs of callers in line. Not thread-safe. Times are processor seconds."""

    def __init__(self) -> None:
        self._shares: dict[str, _Share[J]] = {}
        self._now_s = 0.0
        self._waiting = 0
        self._running = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._waiting

    @property
    def running(self) -> int:
        """How many have been taken and are not done."""
        return self._running

    @property
    def remembered(self) -> int:
        """How many callers are known."""
        return len(self._shares)

    def put(self, who: str, job: J) -> None:
        """At the end of the caller's own jobs."""
        share = self._shares.get(who)
        if share is None:
            share = self._shares[who] = _Share(self._now_s)
        if not share.waiting and not share.running:
            share.used_s = max(share.used_s, self._now_s)
        share.waiting.append(job)
        self._waiting += 1

    def take(self, slots: int) -> tuple[str, J] | None:
        """The next job and whose it is; None when none waits, or none may run beside those that do.

        `slots` may run at once, and one more when its caller has none running and was given SLICE_S less than one who
        has: so nobody waits for the end of another's long job.
        """
        who = self._next()
        if who is None or self._running > slots:
            return None
        share = self._shares[who]
        if self._running == slots and (share.running or not self._far_behind(share)):
            return None
        self._now_s = max(self._now_s, share.used_s)
        share.used_s += share.job_s
        share.running += 1
        self._running += 1
        self._waiting -= 1
        return who, share.waiting.popleft()

    def done(self, who: str, took_s: float) -> None:
        """A job that was taken has ended; what it took replaces what had been expected of it."""
        share = self._shares[who]
        share.used_s += took_s - share.job_s
        share.job_s += _NEW * (took_s - share.job_s)
        share.running -= 1
        self._running -= 1
        if not self._running and not self._waiting:
            self._shares.clear()  # nobody wants anything: what was lent need not be given back
        elif len(self._shares) > _REMEMBERED + 2 * (self._waiting + self._running):
            self._forget_rested()

    def _forget_rested(self) -> None:
        """Drop those who want nothing and owe nothing: they would start anew in any case."""
        self._shares = {
            who: share
            for who, share in self._shares.items()
            if share.waiting or share.running or share.used_s > self._now_s
        }

    def _next(self) -> str | None:
        waiting = (who for who, share in self._shares.items() if share.waiting)
        return min(waiting, key=lambda who: self._shares[who].used_s, default=None)

    def _far_behind(self, share: _Share[J]) -> bool:
        return any(other.running and other.used_s > share.used_s + SLICE_S for other in self._shares.values())
