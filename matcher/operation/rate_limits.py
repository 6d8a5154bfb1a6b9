"""Rate limits of callers over all processes of the service: GCRA, shared through a store, pre-checked in the process.

The generic cell rate algorithm (ITU-T I.371) keeps one moment for each caller: when they will have used up nothing any
more. Each call moves it on by one emission interval; a call that would move it farther ahead of now than the burst
allows is refused.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from matcher.domain.errors.tree import Unavailable
from matcher.operation.telemetry import QUIET, RATE_STORE_FAILURES, Telemetry

#: Time-out of the store. After a failure each process limits alone for a while.
STORE_PATIENCE_S = 0.1
STORE_PAUSE_S = 2.0
#: Calls taken from the store ahead of time lapse after this.
LEASE_S = 1.0
#: At most this share of a burst is taken ahead by one process, and so perhaps never used.
LEASE_SHARE = 10
#: Callers remembered in a process; the one that has been quiet longest is forgotten first.
REMEMBERED = 50_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`per_minute` calls in the long run, `burst` at once after a rest. 0 a minute is no limit."""

    name: str
    per_minute: int
    burst: int

    @property
    def interval_us(self) -> int:
        """Microseconds that one call costs."""
        return max(1, 60_000_000 // self.per_minute)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call is allowed. `remaining` more could follow at once; the next may come after `wait_s` (0: now)."""

    limit: RateLimit
    admitted: bool
    remaining: int
    wait_s: float


@dataclass(frozen=True, slots=True)
class Grant:
    """What the store gave: `calls` (0: none), how many more were left, and how long until the next one."""

    calls: int
    remaining: int
    wait_s: float


def take(busy_until_us: int, now_us: int, limit: RateLimit, wanted: int = 1) -> tuple[int, int]:
    """(calls granted, the new moment): as many of `wanted` calls as fit. Pure, in whole microseconds; the store
    computes the same.

    A moment farther ahead than any call can have brought it means that the clock was set back or the limit lowered: it
    counts as a burst just used up, so that nobody waits for longer than one interval on account of it.
    """
    end_us = now_us + limit.burst * limit.interval_us
    from_us = min(max(busy_until_us, now_us), end_us)
    granted = min(wanted, (end_us - from_us) // limit.interval_us)
    return granted, from_us + granted * limit.interval_us


def room(busy_until_us: int, now_us: int, limit: RateLimit) -> tuple[int, float]:
    """(calls that would fit now, seconds until one more would)."""
    end_us = now_us + limit.burst * limit.interval_us
    from_us = min(max(busy_until_us, now_us), end_us)
    fits = (end_us - from_us) // limit.interval_us
    missing_us = 0 if fits else from_us + limit.interval_us - end_us
    return fits, missing_us / 1_000_000


class RateStore(Protocol):
    """Where processes share what callers have used."""

    async def take(self, key: bytes, limit: RateLimit, wanted: int) -> Grant:
        """As many of `wanted` calls as the caller may make now, in one step. Raises DatabaseUnavailable."""


@dataclass(slots=True)
class _Caller:
    busy_until_us: int = 0
    leased: int = 0
    lease_ends_s: float = 0.0
    leased_at_s: float = float("-inf")
    last_lease: int = 0
    blocked_until_s: float = 0.0
    remaining: int = 0
    waiting: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimiter:
    """Decides for one process, together with the others.

    First the process's own count is asked, which needs no store. Then calls are taken from the store, more at a time
    from a caller who makes many, so that a busy caller costs about two round trips a second. Over all processes nobody
    gets more than the limit; up to a tenth of a burst for each process may lapse unused. While the store is away each
    process limits alone, and no call waits for it.
    """

    def __init__(
        self,
        store: RateStore | None,
        secret: bytes,
        *,
        telemetry: Telemetry = QUIET,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._secret = hashlib.blake2b(secret, digest_size=32).digest()
        self._telemetry = telemetry
        self._clock = clock
        self._callers: OrderedDict[bytes, _Caller] = OrderedDict()
        self._store_away_until_s = 0.0

    async def take(self, limit: RateLimit, who: str) -> Verdict:
        """One call by `who`, counted when it is admitted. Never raises for a store that is away."""
        if not limit.per_minute:
            return Verdict(limit, True, limit.burst, 0.0)
        key = self._key(limit, who)
        caller = self._caller(key)
        if (refused := self._refused(caller, limit)) is not None:
            return refused
        if not self._use_lease(caller) and self._store is not None:
            grant_refused = await self._ask(self._store, key, caller, limit)
            if grant_refused is not None:
                return grant_refused
        return self._count(caller, limit)

    def blocked(self, limit: RateLimit, who: str) -> Verdict | None:
        """The refusal that a call would get as far as this process knows, or None. Counts nothing."""
        if not limit.per_minute:
            return None
        caller = self._callers.get(self._key(limit, who))
        return None if caller is None else self._refused(caller, limit)

    def _refused(self, caller: _Caller, limit: RateLimit) -> Verdict | None:
        now_s = self._clock()
        fits, wait_s = room(caller.busy_until_us, int(now_s * 1_000_000), limit)
        if not caller.leased:
            wait_s = max(wait_s, caller.blocked_until_s - now_s)
        return Verdict(limit, False, 0, wait_s) if not fits or wait_s > 0 else None

    def _count(self, caller: _Caller, limit: RateLimit) -> Verdict:
        now_us = int(self._clock() * 1_000_000)
        granted, caller.busy_until_us = take(caller.busy_until_us, now_us, limit)
        fits, wait_s = room(caller.busy_until_us, now_us, limit)
        if not granted:  # others of the same caller were counted while this one waited
            return Verdict(limit, False, 0, wait_s)
        shared = fits if self._store_is_away() else caller.remaining + caller.leased
        return Verdict(limit, True, min(fits, shared), 0.0)

    def _use_lease(self, caller: _Caller) -> bool:
        if self._store_is_away():
            return True
        if caller.leased and self._clock() < caller.lease_ends_s:
            caller.leased -= 1
            return True
        caller.leased = 0
        return False

    async def _ask(self, store: RateStore, key: bytes, caller: _Caller, limit: RateLimit) -> Verdict | None:
        """Take calls from the store, one task for all waiting calls of a caller. None when this call got one."""
        caller.waiting += 1
        try:
            async with caller.lock:
                if self._use_lease(caller):
                    return None
                if (refused := self._refused(caller, limit)) is not None:
                    return refused
                wanted = max(caller.waiting, self._lease_size(caller, limit))
                try:
                    async with asyncio.timeout(STORE_PATIENCE_S):
                        grant = await store.take(key, limit, min(wanted, limit.burst))
                except (Unavailable, TimeoutError) as error:
                    self._store_failed(error)
                    return None
                self._store_answered()
                now_s = self._clock()
                caller.remaining = grant.remaining
                if not grant.calls:
                    caller.blocked_until_s = now_s + grant.wait_s
                    return Verdict(limit, False, 0, grant.wait_s)
                caller.leased, caller.last_lease = grant.calls - 1, grant.calls
                caller.leased_at_s, caller.lease_ends_s = now_s, now_s + LEASE_S
                return None
        finally:
            caller.waiting -= 1

    def _lease_size(self, caller: _Caller, limit: RateLimit) -> int:
        """Half a second's worth at the pace at which the last lease was used up."""
        since_s = max(0.001, self._clock() - caller.leased_at_s)
        return max(1, min(int(caller.last_lease / since_s * LEASE_S / 2), limit.burst // LEASE_SHARE))

    def _store_is_away(self) -> bool:
        return self._clock() < self._store_away_until_s

    def _store_failed(self, error: BaseException) -> None:
        if not self._store_away_until_s:
            _log.warning("the shared rate limits cannot be asked (%s): this process limits alone", type(error).__name__)
        self._store_away_until_s = self._clock() + STORE_PAUSE_S
        self._telemetry.add(RATE_STORE_FAILURES)

    def _store_answered(self) -> None:
        if self._store_away_until_s and not self._store_is_away():
            _log.info("the shared rate limits can be asked again")
            self._store_away_until_s = 0.0

    def _caller(self, key: bytes) -> _Caller:
        caller = self._callers.get(key)
        if caller is None:
            caller = self._callers[key] = _Caller()
            if len(self._callers) > REMEMBERED:
                self._callers.popitem(last=False)
        else:
            self._callers.move_to_end(key)
        return caller

    def _key(self, limit: RateLimit, who: str) -> bytes:
        """Who is counted for what, without telling whom: users and addresses are personal data."""
        return hashlib.blake2b(f"{limit.name}\0{who}".encode(), key=self._secret, digest_size=16).digest()
