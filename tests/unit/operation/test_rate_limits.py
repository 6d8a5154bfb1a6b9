"""The limiter of one process: what it asks the store, what it decides alone, and what it answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.operation import rate_limits
from matcher.operation.rate_limits import LEASE_S, STORE_PAUSE_S, Grant, RateLimit, RateLimiter, room, take

LIMIT = RateLimit("search", per_minute=60, burst=10)
SECRET = b"x" * 32


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Store:
    """The store of all processes, in memory."""

    clock: Clock
    away: bool = False
    silent: bool = False
    asked: list[int] = field(default_factory=list)
    busy_until_us: dict[bytes, int] = field(default_factory=dict)

    async def take(self, key: bytes, limit: RateLimit, wanted: int) -> Grant:
        self.asked.append(wanted)
        await asyncio.sleep(0)
        if self.away:
            raise DatabaseUnavailable("away")
        if self.silent:
            await asyncio.Event().wait()
        now_us = int(self.clock() * 1_000_000)
        granted, self.busy_until_us[key] = take(self.busy_until_us.get(key, 0), now_us, limit, wanted)
        return Grant(granted, *room(self.busy_until_us[key], now_us, limit))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Store:
    return Store(clock)


def limiter(store: Store | None, clock: Clock) -> RateLimiter:
    return RateLimiter(store, SECRET, clock=clock)


async def admitted(limits: RateLimiter, calls: int, who: str = "ana", limit: RateLimit = LIMIT) -> int:
    return sum([(await limits.take(limit, who)).admitted for _ in range(calls)])


async def test_a_burst_and_then_one_for_each_interval(store: Store, clock: Clock) -> None:
    limits = limiter(store, clock)
    assert await admitted(limits, 30) == 10
    refused = await limits.take(LIMIT, "ana")
    assert (refused.admitted, refused.remaining, refused.wait_s) == (False, 0, 1.0)
    assert (await limits.take(LIMIT, "ben")).remaining == 9
    clock.now_s += 3.0
    assert await admitted(limits, 30) == 3


async def test_two_processes_share_one_limit(store: Store, clock: Clock) -> None:
    one, other = limiter(store, clock), limiter(store, clock)
    total = 0
    for _ in range(15):
        total += await admitted(one, 1) + await admitted(other, 1)
    assert total == 10
    clock.now_s += 60.0
    assert await admitted(one, 8) + await admitted(other, 8) == 10


async def test_kinds_of_calls_are_counted_apart(store: Store, clock: Clock) -> None:
    limits = limiter(store, clock)
    assert await admitted(limits, 20) == 10
    assert await admitted(limits, 20, limit=RateLimit("write", 60, 5)) == 5


async def test_a_refused_caller_costs_the_store_nothing_until_their_time_comes(store: Store, clock: Clock) -> None:
    limits, other = limiter(store, clock), limiter(store, clock)
    await admitted(other, 10)
    assert await admitted(limits, 100) == 0
    assert store.asked.count(1) == len(store.asked)
    assert len(store.asked) == 11


async def test_a_busy_caller_is_given_several_calls_at_a_time(store: Store, clock: Clock) -> None:
    limits, limit = limiter(store, clock), RateLimit("search", per_minute=60_000, burst=1000)
    for _ in range(500):
        assert (await limits.take(limit, "ana")).admitted
        clock.now_s += 0.002
    assert len(store.asked) < 20
    assert max(store.asked) <= limit.burst // rate_limits.LEASE_SHARE


async def test_what_was_taken_ahead_lapses(store: Store, clock: Clock) -> None:
    limits, limit = limiter(store, clock), RateLimit("search", per_minute=6000, burst=100)
    for _ in range(3):
        await limits.take(limit, "ana")
        clock.now_s += 0.01
    before = len(store.asked)
    clock.now_s += LEASE_S + 1
    await limits.take(limit, "ana")
    assert len(store.asked) == before + 1


async def test_calls_that_come_together_are_asked_for_together(store: Store, clock: Clock) -> None:
    limits = limiter(store, clock)
    verdicts = await asyncio.gather(*(limits.take(LIMIT, "ana") for _ in range(25)))
    assert sum(verdict.admitted for verdict in verdicts) == 10
    assert len(store.asked) <= 3


async def test_while_the_store_is_away_each_process_limits_alone(store: Store, clock: Clock) -> None:
    limits = limiter(store, clock)
    store.away = True
    assert await admitted(limits, 30) == 10
    assert len(store.asked) == 1
    store.away = False
    clock.now_s += STORE_PAUSE_S + 1
    assert await admitted(limits, 1) == 1
    assert len(store.asked) == 2


async def test_each_time_that_the_store_is_away_is_told_once_and_so_is_its_end(
    store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    limits = limiter(store, clock)
    for away in (True, True, False, True, False):
        store.away = away
        clock.now_s += STORE_PAUSE_S + LEASE_S
        await admitted(limits, 2)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING", "INFO"]


async def test_a_store_that_does_not_answer_is_not_waited_for(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "STORE_PATIENCE_S", 0.001)
    limits = limiter(store, clock)
    store.silent = True
    assert await admitted(limits, 3) == 3
    assert len(store.asked) == 1


async def test_no_limit_asks_nobody(store: Store, clock: Clock) -> None:
    limits = limiter(store, clock)
    assert await admitted(limits, 100, limit=RateLimit("search", 0, 1)) == 100
    assert store.asked == []


async def test_blocked_tells_without_counting(clock: Clock) -> None:
    limits = limiter(None, clock)
    assert limits.blocked(LIMIT, "ana") is None
    await admitted(limits, 9)
    assert limits.blocked(LIMIT, "ana") is None
    await admitted(limits, 1)
    refusal = limits.blocked(LIMIT, "ana")
    assert refusal is not None
    assert refusal.wait_s == 1.0


async def test_callers_who_have_long_been_quiet_are_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "REMEMBERED", 3)
    limits = limiter(None, clock)
    for number in range(10):
        await admitted(limits, 1, f"user {number}")
    assert len(limits._callers) == 3


async def test_the_store_is_not_told_who_it_is(store: Store, clock: Clock) -> None:
    await admitted(limiter(store, clock), 1, "192.0.2.7")
    (key,) = store.busy_until_us
    assert len(key) == 16
    assert b"192" not in key
