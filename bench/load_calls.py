"""The starting point of benchmarks of the whole service: a database of offers, keys, and the calls to make."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import asyncpg

from bench.load_generator import Calls, Kind
from bench.load_service import make_key
from bench.load_world import StoredWorld, copy_offers
from bench.worlds import draw_offers, draw_queries
from matcher.domain.offer import Offer
from matcher.postgres.migrations import migrate

_LIMIT = 10
_SEARCHES, _PUBLICATIONS = 2_000, 1_000
_SHORTEST_CM = 20_000


async def fill_offers(url: str, stored: StoredWorld, drawn: list[Offer]) -> float:
    """Make the schema and load the offers; returns the seconds that took."""
    begin = time.perf_counter()
    await migrate(url)
    connection = await asyncpg.connect(url)
    try:
        await copy_offers(connection, [stored.published(offer) for offer in drawn])
    finally:
        await connection.close()
    return round(time.perf_counter() - begin, 2)


def keys_and_calls(stored: StoredWorld, data_dir: Path, region: str, seed: int, *, keys: int) -> dict[Kind, Calls]:
    """Searches with a window of half an hour, and trips beside those loaded; none too short to be accepted."""
    riders, drivers = (
        [make_key(data_dir, region, role, f"load-{role}-{number}") for number in range(keys)]
        for role in ("rider", "driver")
    )
    return _calls(stored, seed, riders, drivers)


def calls_of_users(stored: StoredWorld, data_dir: Path, region: str, seed: int, *, users: int) -> dict[Kind, Calls]:
    """The same calls by the server of a partner, for so many users of its own."""
    key = [make_key(data_dir, region, "partner", "load", "--act-as", "rider,driver")]
    names = tuple(f"user-{number}" for number in range(users))
    return {kind: replace(calls, users=names) for kind, calls in _calls(stored, seed, key, key).items()}


def _calls(stored: StoredWorld, seed: int, riders: list[str], drivers: list[str]) -> dict[Kind, Calls]:
    searches = [stored.search_body(q, _LIMIT) for q in draw_queries(stored.world, _SEARCHES, seed, window_min=30)]
    drawn = draw_offers(stored.world, _PUBLICATIONS, seed + 1)
    offers = [stored.offer_body(offer) for offer in drawn if offer.length_cm >= _SHORTEST_CM]
    return {
        Kind.SEARCH: Calls("/v1/match", riders, [json.dumps(one).encode() for one in searches], 200),
        Kind.PUBLISH: Calls("/v1/offers", drivers, [json.dumps(one).encode() for one in offers], 201),
    }
