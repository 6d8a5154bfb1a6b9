"""What others see while one caller asks for all there is: their times quiet and under each attack, and refusals.

    bench/attacks.py [--seconds 10] [--offers 2000] [--workers 1]

`carpool serve` as it comes, on an embedded PostgreSQL in a temporary folder. Some users search and read all the while,
each one call after the other with a pause; an attacker with a key of their own does one thing after another. A Markdown
table is printed. The exit code is 1 when any of the others was refused.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Not this folder, where a module is named like the standard library's http, but the one above it.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from bench.load_calls import fill_offers, keys_and_calls
from bench.load_generator import Calls, Kind
from bench.load_service import data_folder, ended_by_signals, make_key, serving
from bench.load_world import stored_world
from bench.timing import percentile
from bench.worlds import draw_offers
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.roads.region.store import SAMPLE_NAME

SEED = 20261209
OTHERS, PAUSE_S = 4, 0.1
PARALLEL = 16
DRIPS_A_SECOND = 13
HELD = 5000
#: Everything that makes a search cost more.
COSTLY = {"max_walk_m": 2000, "limit": 50, "explain": True}


@dataclass
class Seen:
    """Answers of one kind of callers."""

    took_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


Attack = Callable[[aiohttp.ClientSession], Awaitable[None]]


@dataclass(frozen=True)
class Attacker:
    """What an attacker has: a service, keys, bodies; and what their own calls came to."""

    url: str
    rider: str
    driver: str
    searches: Sequence[bytes]
    offers: Sequence[bytes]
    seen: Counter[int] = field(default_factory=Counter)

    async def search(self, client: aiohttp.ClientSession) -> None:
        """Costly searches, many at once."""

        async def one(draw: random.Random) -> None:
            while True:
                body = {**json.loads(draw.choice(self.searches)), **COSTLY}
                await self._call(client, "POST", "/v1/match", self.rider, json.dumps(body).encode())

        await asyncio.gather(*(one(random.Random(number)) for number in range(PARALLEL)))

    async def ask_for_requests(self, client: aiohttp.ClientSession) -> None:
        """All requests that fit a trip, many at once."""
        answer = await client.post(self.url + "/v1/offers", data=self.offers[0], headers=_headers(self.driver))
        path = f"/v1/offers/{(await answer.json())['id']}/requests"
        await self._often(client, path, self.driver)

    async def export(self, client: aiohttp.ClientSession) -> None:
        """Everything that is known of them, many at once."""
        await self._often(client, "/v1/me/export", self.driver)

    async def drip(self, _client: aiohttp.ClientSession) -> None:
        """Bodies of which a byte comes now and then."""
        host, port = self.url.removeprefix("http://").split(":")
        head = "\r\n".join(
            f"{name}: {value}" for name, value in {**_headers(self.driver), "Content-Length": 1000}.items()
        )

        async def one() -> None:
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"POST /v1/offers HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
            try:
                while not writer.is_closing():
                    writer.write(b" ")
                    await asyncio.sleep(1)
            except ConnectionError:
                pass
            finally:
                writer.close()

        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(one())
                await asyncio.sleep(1 / DRIPS_A_SECOND)

    async def hold(self, _client: aiohttp.ClientSession) -> None:
        """As many connections as can be had from one address, none of which asks for anything."""
        host, port = self.url.removeprefix("http://").split(":")
        held: list[asyncio.StreamWriter] = []
        try:
            while True:
                if len(held) < HELD:
                    _, writer = await asyncio.open_connection(host, int(port), local_addr=("127.0.0.2", 0))
                    held.append(writer)
                held = [one for one in held if not one.is_closing()]
                await asyncio.sleep(0.002 if len(held) < HELD else 0.1)
        finally:
            for one in held:
                one.close()

    async def _often(self, client: aiohttp.ClientSession, path: str, key: str) -> None:
        async def one() -> None:
            while True:
                await self._call(client, "GET", path, key)

        await asyncio.gather(*(one() for _ in range(PARALLEL)))

    async def _call(
        self, client: aiohttp.ClientSession, method: str, path: str, key: str, body: bytes | None = None
    ) -> None:
        async with client.request(method, self.url + path, data=body, headers=_headers(key)) as answer:
            await answer.read()
        self.seen[answer.status] += 1
        if answer.status != 200:
            await asyncio.sleep(0.01)


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


async def observe(url: str, searches: Calls, seconds: float, attack: Attack | None) -> tuple[Seen, int]:
    """(what the others' searches came to, health checks that failed) while the attack goes on."""
    seen, sick = Seen(), 0
    async with _client() as ours, _client() as theirs:
        attacking = None if attack is None else asyncio.ensure_future(attack(theirs))
        await asyncio.sleep(1 if attack else 0)
        ends = time.monotonic() + seconds

        async def one(key: str, draw: random.Random) -> None:
            while time.monotonic() < ends:
                begun = time.perf_counter()
                async with ours.post(
                    url + searches.path, data=draw.choice(searches.bodies), headers=_headers(key)
                ) as answer:
                    await answer.read()
                seen.took_ms.append(1000 * (time.perf_counter() - begun))
                seen.statuses[answer.status] += 1
                await asyncio.sleep(PAUSE_S * draw.uniform(0.5, 1.5))

        async def watch() -> None:
            nonlocal sick
            while time.monotonic() < ends:
                try:
                    async with _client() as fresh, fresh.get(url + "/healthz") as answer:
                        sick += answer.status != 200
                except aiohttp.ClientError:
                    sick += 1
                await asyncio.sleep(0.25)

        await asyncio.gather(watch(), *(one(key, random.Random(key)) for key in searches.keys[:OTHERS]))
        if attacking is not None:
            attacking.cancel()
            await asyncio.gather(attacking, return_exceptions=True)
    return seen, sick


@asynccontextmanager
async def _client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        yield client


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each phase lasts (default 10)")
    parser.add_argument("--offers", type=int, default=2000, help="active offers at the start (default 2000)")
    parser.add_argument("--workers", type=int, default=1, help="processes that serve (default 1)")
    options = parser.parse_args()
    with ended_by_signals(), ExitStack() as stack:
        data_dir = stack.enter_context(data_folder())
        stored = stored_world(data_dir, SAMPLE_NAME)
        database = stack.enter_context(EmbeddedPostgres(data_dir))
        asyncio.run(fill_offers(database.url, stored, draw_offers(stored.world, options.offers, SEED)))
        calls = keys_and_calls(stored, data_dir, SAMPLE_NAME, SEED, keys=OTHERS)
        rider, driver = (make_key(data_dir, SAMPLE_NAME, role, "attacker") for role in ("rider", "driver"))
        service = stack.enter_context(serving(data_dir, SAMPLE_NAME, options.workers, {}))
        searches, offers = calls[Kind.SEARCH], calls[Kind.PUBLISH]
        attacker = Attacker(service.url, rider, driver, searches.bodies, offers.bodies)
        refused = asyncio.run(_phases(service.url, attacker, searches, options.seconds))
    raise SystemExit(1 if refused else 0)


async def _phases(url: str, attacker: Attacker, searches: Calls, seconds: float) -> int:
    """Print a row for each attack, after a quiet phase of its own; how many of the others' calls were refused."""
    attacks: dict[str, Attack] = {
        f"{PARALLEL} costly searches at once": attacker.search,
        f"{PARALLEL} times the requests that fit a trip": attacker.ask_for_requests,
        f"{PARALLEL} exports at once": attacker.export,
        f"{DRIPS_A_SECOND} dripping bodies a second": attacker.drip,
        f"{HELD:,} connections from one address": attacker.hold,
    }
    await observe(url, searches, 5.0, None)
    print("| Attack | Others quiet: p50 / p99, ms | Others attacked: p50 / p99, ms | Times | Others refused | Health |")
    print("| --- | --- | --- | --- | --- | --- |")
    refused = 0
    for name, attack in attacks.items():
        attacker.seen.clear()
        quiet, _ = await observe(url, searches, seconds, None)
        under, sick = await observe(url, searches, seconds, attack)
        calm, busy = ([percentile(one.took_ms, p) for p in (50, 99)] for one in (quiet, under))
        lost = under.statuses.total() - under.statuses[200]
        refused += lost + sick
        print(
            f"| {name} (answers: {dict(attacker.seen)}) | {calm[0]:.1f} / {calm[1]:.1f} | {busy[0]:.1f} / "
            f"{busy[1]:.1f} | {busy[1] / calm[1]:.1f} | {lost} of {under.statuses.total()} | {sick} failed |",
            flush=True,
        )
    return refused


if __name__ == "__main__":
    main()
