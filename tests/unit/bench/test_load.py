"""The load generator asks when it said it would, whoever answers, and counts what came back; costs are read as
proc(5) says.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice, pairwise

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench.load_generator import Calls, Kind, Load, Plan, arrivals, run_load
from bench.load_usage import parse_stat, tree_usage

COUNT = 30
Answer = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def _answering(search: Answer, publish: Answer) -> AsyncIterator[str]:
    async def well(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/healthz", well), web.post("/search", search), web.post("/publish", publish)])
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def _load(search: Answer, publish: Answer, *, callers: int = 0) -> Load:
    async with _answering(search, publish) as url:
        calls = {
            Kind.SEARCH: Calls("/search", ["rider-1", "rider-2"], [b"a", b"b", b"c"], 200),
            Kind.PUBLISH: Calls("/publish", ["driver"], [b"d"], 201),
        }
        plan = Plan(url, rate=1000.0, count=COUNT, publish_share=0.5, seed=1, calls=calls, callers=callers)
        if callers:  # however slow the machine, all calls are made
            plan = replace(plan, rate=0.1)
        return await asyncio.to_thread(run_load, plan)


def _kinds() -> Counter[Kind]:
    return Counter(kind for _, kind in arrivals(1000.0, COUNT, 0.5, seed=1))


async def test_a_service_that_answers_nothing_until_all_have_asked_is_asked_by_all() -> None:
    """A generator that waited for an answer before it asked again would wait for ever."""
    asked = 0
    all_have = asyncio.Event()

    async def last(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked == COUNT:
            all_have.set()
        await all_have.wait()
        return web.Response(status=200)

    load = await _load(last, last)
    assert asked == COUNT
    assert len(load.latency_s[Kind.SEARCH]) == _kinds()[Kind.SEARCH]
    last_due = load.begin_s + max(due for due, _ in arrivals(1000.0, COUNT, 0.5, seed=1))
    first_due = load.begin_s + min(due for due, kind in arrivals(1000.0, COUNT, 0.5, seed=1) if kind is Kind.SEARCH)
    assert max(load.latency_s[Kind.SEARCH]) >= last_due - first_due, "the whole wait counts"


async def test_only_calls_answered_as_they_should_be_have_a_latency() -> None:
    seen: list[tuple[str, bytes]] = []

    async def search(request: web.Request) -> web.Response:
        seen.append((request.headers["Authorization"], await request.read()))
        return web.Response(text='{"matches":[]}')

    async def publish(_: web.Request) -> web.Response:
        return web.Response(status=503)

    load = await _load(search, publish)
    searches, publications = _kinds()[Kind.SEARCH], _kinds()[Kind.PUBLISH]
    assert {kind: len(latencies) for kind, latencies in load.latency_s.items()} == {
        Kind.SEARCH: searches,
        Kind.PUBLISH: 0,
    }
    assert load.errors == {"publish 503": publications}
    assert load.empty == searches
    expected = [(f"Bearer rider-{n % 2 + 1}", b"abc"[n % 3 : n % 3 + 1]) for n in range(searches)]
    assert Counter(seen) == Counter(expected)


async def test_once_it_is_stopped_no_more_calls_leave() -> None:
    async def well(_: web.Request) -> web.Response:
        return web.json_response({"id": "x"})

    async with _answering(well, well) as url:
        calls = {kind: Calls("/search", ["rider"], [b"a"], 200) for kind in Kind}
        plan = Plan(url, rate=1000.0, count=COUNT, publish_share=0.5, seed=1, calls=calls)
        asked = 0

        def stopped() -> bool:
            nonlocal asked
            asked += 1
            return asked > 7

        load = await asyncio.to_thread(run_load, plan, stopped)
    assert len(load.answers) == 7


async def test_a_call_that_is_cut_off_is_an_error_with_a_name() -> None:
    async def cut_off(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    load = await _load(cut_off, cut_off)
    assert sum(load.errors.values()) == COUNT
    assert {word.split()[1] for word in load.errors} == {"disconnected"}
    assert [answer.status for answer in load.answers] == [0] * COUNT


async def test_callers_who_take_turns_never_ask_before_they_are_answered() -> None:
    under_way = most = 0

    async def slow(_: web.Request) -> web.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        return web.Response(status=200)

    load = await _load(slow, slow, callers=3)
    assert most == 3
    assert len(load.answers) == COUNT
    assert sum(load.errors.values()) == load.errors["publish 200"], "a publication is answered 201"


def test_arrivals_come_at_the_rate_and_in_the_shares_that_were_asked_for() -> None:
    calls = list(arrivals(50.0, 20_000, 0.1, seed=3))
    assert calls == list(arrivals(50.0, 20_000, 0.1, seed=3))
    assert calls != list(arrivals(50.0, 20_000, 0.1, seed=4))
    assert all(earlier < later for (earlier, _), (later, _) in pairwise(calls))
    assert calls[-1][0] == pytest.approx(400.0, rel=0.03)
    assert Counter(kind for _, kind in calls)[Kind.PUBLISH] == pytest.approx(2_000, rel=0.1)
    gaps = [later - earlier for (earlier, _), (later, _) in islice(pairwise(calls), 10_000)]
    assert sum(gap > 0.02 for gap in gaps) == pytest.approx(10_000 * 0.3679, rel=0.05), "gaps are exponential"


def test_a_line_of_stat_is_read_past_any_name() -> None:
    fields = " ".join(str(n) for n in range(10, 60))
    process = parse_stat(f"7 (a) S 1 (b) S 42 {fields}\n")
    # After the name: state, ppid; utime to cstime are fields 14 to 17, rss is field 24.
    assert process.parent == 42
    assert process.cpu_ticks == sum(range(19, 23))
    assert process.rss_pages == 29


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="costs are read from /proc")
def test_a_tree_counts_children_also_after_they_have_ended() -> None:
    work = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    before = tree_usage(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    during = tree_usage(os.getpid())
    child.communicate(b"\n")
    after = tree_usage(os.getpid())
    assert during.processes == before.processes + 1
    assert during.cpu_s - before.cpu_s >= 0.29
    assert during.rss_mb > before.rss_mb
    assert after.processes == before.processes
    assert after.cpu_s >= during.cpu_s
