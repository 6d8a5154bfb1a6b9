"""An open-loop load generator: calls leave when they are due, whether or not earlier ones have been answered.

Latency counts from the moment a call was due to the last byte of its answer, so a service that stalls cannot hide it by
keeping the generator from asking (coordinated omission). Arrivals are a Poisson process of a fixed rate: gaps are
exponential, from a seed.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import uvloop

from bench.load_line import Lines

_TIMEOUT_S = 30.0
_CONNECTIONS = 64
_HEAD_START_S = 0.2
_NOBODY = b'"matches":[]'


class Kind(StrEnum):
    """What a call does."""

    SEARCH = "search"
    PUBLISH = "publish"


@dataclass(frozen=True)
class Calls:
    """The calls of one kind, sent in order, over and over, with the keys and `users` in turn."""

    path: str
    keys: list[str]
    bodies: list[bytes]
    done_status: int
    users: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What one generator does: `count` calls, on average `rate` a second, of which `publish_share` publish.

    With `callers` it is no open loop: so many callers ask one call after another, `count` at most, for count / rate
    seconds at most.
    """

    url: str
    rate: float
    count: int
    publish_share: float
    seed: int
    calls: dict[Kind, Calls]
    callers: int = 0


class Answer(NamedTuple):
    """A call: when it was due, in seconds from the start, its status (0: none), and its latency from that moment."""

    due_s: float
    status: int
    latency_s: float
    kind: Kind


@dataclass
class Load:
    """What came of it. Latencies in seconds, of calls that were answered as they should be, by kind.

    answers: every call, in the order of the answers. created: the ids of what was published.
    late_s: how long after they were due calls left; above a few milliseconds the generator itself was short of CPU.
    begin_s, end_s: time.monotonic() when the first call was due and when the last answer was in.
    """

    latency_s: dict[Kind, list[float]] = field(default_factory=lambda: {kind: [] for kind in Kind})
    errors: Counter[str] = field(default_factory=Counter)
    answers: list[Answer] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    empty: int = 0
    begin_s: float = 0.0
    end_s: float = 0.0
    cpu_s: float = 0.0


def run_load(plan: Plan, stopped: Callable[[], bool] = lambda: False) -> Load:
    """Carry out a plan, in a process of its own; no more calls leave once it is stopped."""
    begin = time.process_time()
    load = uvloop.run(_run(plan, stopped))
    load.cpu_s = time.process_time() - begin
    return load


def arrivals(rate: float, count: int, publish_share: float, seed: int) -> Iterator[tuple[float, Kind]]:
    """(seconds after the beginning, kind) of each call."""
    draw = random.Random(seed)
    due_s = 0.0
    for _ in range(count):
        due_s += draw.expovariate(rate)
        yield due_s, Kind.PUBLISH if draw.random() < publish_share else Kind.SEARCH


async def _run(plan: Plan, stopped: Callable[[], bool]) -> Load:
    load = Load()
    lines = Lines(plan.url)
    try:
        # Connections go round: with many open from the start every worker has its share of them.
        await lines.open(_CONNECTIONS)
        load.begin_s = time.monotonic() + _HEAD_START_S
        if plan.callers:
            await _take_turns(plan, lines, load)
        else:
            await _as_due(plan, lines, load, stopped)
        load.end_s = time.monotonic()
    finally:
        lines.close()
    return load


async def _as_due(plan: Plan, lines: Lines, load: Load, stopped: Callable[[], bool]) -> None:
    """The open loop."""
    under_way = []
    sent: Counter[Kind] = Counter()
    for after_s, kind in arrivals(plan.rate, plan.count, plan.publish_share, plan.seed):
        due = load.begin_s + after_s
        if (wait_s := due - time.monotonic()) > 0:
            await asyncio.sleep(wait_s)
        if stopped():
            break
        under_way.append(asyncio.create_task(_call(lines, plan.calls[kind], kind, sent[kind], due, load)))
        sent[kind] += 1
    await asyncio.gather(*under_way)


async def _take_turns(plan: Plan, lines: Lines, load: Load) -> None:
    """The closed loop, for the capacity of the service: callers who call again as soon as they are answered."""
    draw, sent = random.Random(plan.seed), Counter[Kind]()

    async def ask_again_and_again() -> None:
        while sent.total() < plan.count and time.monotonic() < load.begin_s + plan.count / plan.rate:
            kind = Kind.PUBLISH if draw.random() < plan.publish_share else Kind.SEARCH
            sent[kind] += 1
            await _call(lines, plan.calls[kind], kind, sent[kind], time.monotonic(), load)

    await asyncio.gather(*(ask_again_and_again() for _ in range(plan.callers)))


async def _call(lines: Lines, calls: Calls, kind: Kind, number: int, due: float, load: Load) -> None:
    user = calls.users[number % len(calls.users)] if calls.users else None
    key, body = calls.keys[number % len(calls.keys)], calls.bodies[number % len(calls.bodies)]
    request = lines.request(calls.path, key, body, user)
    load.late_s.append(time.monotonic() - due)
    try:
        status, answer = await lines.ask(request, _TIMEOUT_S)
    except (OSError, TimeoutError) as error:
        load.answers.append(Answer(due - load.begin_s, 0, time.monotonic() - due, kind))
        load.errors[f"{kind.value} {_what(error)}"] += 1
        return
    took_s = time.monotonic() - due
    load.answers.append(Answer(due - load.begin_s, status, took_s, kind))
    if status != calls.done_status:
        load.errors[f"{kind.value} {status}"] += 1
        return
    load.latency_s[kind].append(took_s)
    load.empty += _NOBODY in answer
    if kind is Kind.PUBLISH:
        load.created.append(json.loads(answer)["id"])


def _what(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "unanswered"
    return "unconnected" if isinstance(error, ConnectionRefusedError) else "disconnected"
