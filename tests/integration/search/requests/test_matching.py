"""Offers are matched with the searches that wait: by whichever process, whatever befalls it, each pair once and none
forgotten.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.domain.match import MAX_LIMIT, MatchAnswer, RequestDraft, TimeWindow, WindowKind
from matcher.domain.offer import Offer, OfferChange, OfferDraft
from matcher.domain.place import Coordinate, PlaceInput
from matcher.domain.principal import Principal, Role
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.pool import Database
from matcher.roads.region.extras import load_speeds
from matcher.roads.region.store import SAMPLE_NAME, RegionStore
from matcher.search.requests.kept_request import KeptRequest
from matcher.search.requests.match import MatchRequests
from matcher.search.requests.store import FoundPair, PostgresRequests, PostgresTurn
from matcher.settings.all import Settings
from matcher.trips.offers.store import PostgresOffers
from matcher.wiring.service import Carpool, running
from tests.api.live import settings_for
from tests.conftest import database_url

DRIVER = Principal(user="dora", role=Role.DRIVER, key_id="d")
PORT = PlaceInput(coordinate=Coordinate(lat=-29.953, lon=-71.338))
CENTRE = PlaceInput(coordinate=Coordinate(lat=-29.904, lon=-71.250))
#: On the way from one to the other, and some way off it.
HALF_WAY = PlaceInput(coordinate=Coordinate(lat=-29.93, lon=-71.27))
BESIDE = PlaceInput(coordinate=Coordinate(lat=-29.965, lon=-71.30))
Pair = tuple[UUID, UUID]


@pytest.fixture(scope="module")
def region_folder(tmp_path_factory: pytest.TempPathFactory, with_sample: Callable[[Path], Path]) -> Path:
    """A data folder with the bundled region, for these tests."""
    return with_sample(tmp_path_factory.mktemp("requests"))


@pytest.fixture
def settings(region_folder: Path, fresh_database: str) -> Settings:
    return settings_for(region_folder, fresh_database)


@asynccontextmanager
async def instances(settings: Settings, count: int) -> AsyncIterator[list[Carpool]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(settings)) for _ in range(count)]


@pytest.fixture(scope="module")
async def own_database(embedded_server: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """The URL of a database that these tests share; each has days and riders of its own in it."""
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(database_url(embedded_server.url, "postgres"))
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY WAL_LOG")
    yield database_url(embedded_server.url, name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture(scope="module")
async def two(region_folder: Path, own_database: str) -> AsyncIterator[list[Carpool]]:
    """Two instances on that database."""
    async with instances(settings_for(region_folder, own_database), 2) as carpools:
        yield carpools


@contextmanager
def nobody_matching(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Instances that start meanwhile keep requests and publish, and do not match."""

    async def idle(*_args: object) -> bool:
        return False

    with monkeypatch.context() as patch:
        patch.setattr(MatchRequests, "__call__", idle)
        yield


def _now() -> datetime:
    return datetime.now(UTC)


def a_morning(days: int = 2) -> datetime:
    """Half past seven by UTC, some days ahead."""
    return (_now() + timedelta(days=days)).replace(hour=7, minute=30, second=0, microsecond=0)


async def publish(carpool: Carpool, departure: datetime, driver: str = "dora", **changes: Any) -> Offer:
    """A trip from the port to the centre."""
    draft = OfferDraft(origin=PORT, destination=CENTRE, departure=departure, seats=2, max_detour_s=1800)
    principal = replace(DRIVER, user=driver)
    offer = await carpool.latest().offers.publish(replace(draft, **changes), principal, _now())
    assert isinstance(offer, Offer)
    return offer


def a_wish(departure: datetime, **changes: Any) -> RequestDraft:
    """A search around a moment."""
    window = TimeWindow(departure - timedelta(minutes=30), departure + timedelta(minutes=30))
    draft = RequestDraft(
        origin=HALF_WAY, destination=CENTRE, window=window, window_kind=WindowKind.DEPARTURE, limit=MAX_LIMIT
    )
    return replace(draft, **changes)


def rider(name: str) -> Principal:
    """Somebody who waits."""
    return Principal(user=name, role=Role.RIDER, key_id="r")


async def keep(carpool: Carpool, name: str, wish: RequestDraft) -> tuple[KeptRequest, MatchAnswer]:
    """A request that waits, and what it was answered."""
    return await carpool.latest().requests.keep.keep(wish, rider(name), _now())


async def rows(url: str, sql: str) -> list[asyncpg.Record]:
    """What the database says."""
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


async def events(url: str, kept: Sequence[KeptRequest] | None = None) -> Counter[Pair]:
    """How often each pair was told, of all requests or of some."""
    found = await rows(url, "SELECT data FROM events WHERE kind = 'match_found'")
    told = [json.loads(row["data"]) for row in found]
    pairs = [(UUID(one["request_id"]), UUID(one["offer_id"])) for one in told]
    return Counter(pair for pair in pairs if kept is None or pair[0] in {one.id for one in kept})


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that a process does by itself."""
    async with asyncio.timeout(120):
        while not await happened():  # noqa: ASYNC110  # only the database tells
            await asyncio.sleep(0.02)


async def settled(url: str) -> None:
    """Wait until every change has been matched and every request settled."""

    async def nothing_waits() -> bool:
        (row,) = await rows(
            url,
            "SELECT (SELECT count(*) FROM requests WHERE searched IS NOT NULL) AS fresh, "
            "(SELECT count(*) FROM offer_changes AS c "
            "LEFT JOIN request_progress AS p ON p.region = c.region "
            "WHERE p.seen IS NULL OR NOT pg_visible_in_snapshot(c.xid, CAST(p.seen AS pg_snapshot))) AS changed",
        )
        return bool(row["fresh"] == row["changed"] == 0)

    await until(nothing_waits)


async def forward(carpool: Carpool, kept: Sequence[KeptRequest]) -> set[Pair]:
    """What the riders would find by searching now."""
    return {
        (one.id, match.offer_id)
        for one in kept
        for match in (
            await carpool.latest().requests.keep.matches(one.id, rider(one.rider_id), _now(), MAX_LIMIT)
        ).matches
    }


async def test_two_instances_forget_no_pair_and_tell_none_twice(two: list[Carpool], own_database: str) -> None:
    """Riders and drivers come at the same time, here and there; trips are changed meanwhile.

    In the end each rider knows what a search finds.
    """
    drawn, day, carpools = random.Random(7), a_morning(9), two
    kept: list[KeptRequest] = []
    shown: set[Pair] = set()

    async def wait(number: int) -> None:
        await asyncio.sleep(drawn.random())
        wish = a_wish(day + timedelta(minutes=drawn.randrange(90)), seats=drawn.choice([1, 1, 2, 3]))
        if number % 3 == 0:
            wish = replace(wish, max_walk_m=500)
        name = "dora" if number % 5 == 0 else f"rider-{number}"
        one, answer = await keep(drawn.choice(carpools), name, wish)
        kept.append(one)
        shown.update((one.id, match.offer_id) for match in answer.matches)

    async def drive(number: int) -> None:
        await asyncio.sleep(drawn.random())
        via = (BESIDE,) if number % 4 == 0 else ()
        departure = day + timedelta(minutes=drawn.randrange(90))
        offer = await publish(drawn.choice(carpools), departure, drawn.choice(["dora", "dan"]), via=via)
        for version in range(1, drawn.choice([1, 1, 3])):
            principal = replace(DRIVER, user=offer.driver_id)
            await carpools[version % 2].offers.change(
                offer.id, OfferChange(comment=f"{version}"), version, principal, _now()
            )

    await asyncio.gather(*(wait(n) for n in range(24)), *(drive(n) for n in range(24)))
    await settled(own_database)
    told = await events(own_database, kept)
    assert set(told.values()) <= {1}
    assert not told.keys() & shown
    assert told.keys() | shown == await forward(carpools[0], kept)
    assert len(told) > 20
    assert shown, "some trips were there first"


async def test_a_turn_that_breaks_off_is_taken_again_by_somebody(
    two: list[Carpool], own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one, other), broken = two, 0
    tell = PostgresTurn.tell

    async def breaks(turn: PostgresTurn, pairs: Sequence[FoundPair], riders: dict[UUID, str], now: datetime) -> int:
        nonlocal broken
        done = await tell(turn, pairs, riders, now)
        if pairs and broken < 2:
            broken += 1
            raise DatabaseUnavailable("it went away before the end")
        return done

    monkeypatch.setattr(PostgresTurn, "tell", breaks)
    kept, _ = await keep(one, "rita", a_wish(a_morning(5)))
    offer = await publish(other, a_morning(5))
    await settled(own_database)
    assert broken == 2
    assert await events(own_database, [kept]) == {(kept.id, offer.id): 1}


async def test_what_came_while_nobody_matched_is_matched_after_a_restart(
    settings: Settings, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More changes than fit in a turn, and one of an offer that the rider was shown."""
    async with instances(settings, 1) as (before,):
        known = await publish(before, a_morning())
        kept, answer = await keep(before, "rita", a_wish(a_morning()))
        assert [match.offer_id for match in answer.matches] == [known.id]
        await settled(fresh_database)
    with nobody_matching(monkeypatch):
        async with instances(settings, 1) as (idle,):
            offers = [await publish(idle, a_morning() + timedelta(seconds=n)) for n in range(60)]
            changed = await idle.offers.change(known.id, OfferChange(comment="again"), 1, DRIVER, _now())
    async with instances(settings, 1):
        await settled(fresh_database)
        told = await events(fresh_database)
        assert set(told.values()) == {1}
        assert {offer for request, offer in told if request == kept.id} == {offer.id for offer in offers}
        assert changed.version == 2


async def test_an_offer_that_comes_between_a_search_and_its_keeping_is_told(
    two: list[Carpool], own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = PostgresRequests.insert
    between: list[Offer] = []
    one, other = two

    async def slow(requests: PostgresRequests, kept: KeptRequest, **named: Any) -> None:
        # Published, and matched with everything that waits, by the other process.
        between.append(await publish(other, a_morning(7)))
        await settled(own_database)
        await insert(requests, kept, **named)

    monkeypatch.setattr(PostgresRequests, "insert", slow)
    kept, answer = await keep(one, "rita", a_wish(a_morning(7)))
    assert answer.matches == ()
    await settled(own_database)
    assert await events(own_database, [kept]) == {(kept.id, between[0].id): 1}


async def test_when_changes_cannot_be_told_any_more_every_request_is_searched_for(
    settings: Settings, fresh_database: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nobody_matching(monkeypatch):
        async with instances(settings, 1) as (idle,):
            kept = [(await keep(idle, f"rider-{n}", a_wish(a_morning())))[0] for n in range(60)]
            offers = [await publish(idle, a_morning() + timedelta(minutes=n)) for n in range(3)]
    assert await PostgresOffers(database).forget_changes(_now() + timedelta(minutes=1)) > 0
    async with instances(settings, 2) as (one, _):
        after = await publish(one, a_morning())
        await settled(fresh_database)
        assert await events(fresh_database) == {(k.id, o.id): 1 for k in kept for o in (*offers, after)}


async def test_new_speeds_hold_for_what_waits(region_folder: Path, fresh_database: str, tmp_path: Path) -> None:
    """On the roads of the new version a trip fits that did not before, and the other way round; requests were kept
    on the old one.
    """
    slow = tmp_path / "slow.csv"
    slow.write_text("class,hour_from,hour_to,days,factor\n*,0,24,mon-sun,6\n")
    # A folder of its own: others run on the region as it is.
    await asyncio.to_thread(shutil.copytree, region_folder / "regions", tmp_path / "regions", symlinks=True)
    settings, store = settings_for(tmp_path, fresh_database), RegionStore(tmp_path)
    settings = replace(settings, roads=settings.roads.model_copy(update={"region_watch_s": 0.05}))
    async with instances(settings, 1) as (carpool,):
        wish = a_wish(a_morning(), origin=BESIDE)
        kept, _ = await keep(carpool, "rita", wish)
        offer = await publish(carpool, a_morning(), max_detour_s=600)
        await settled(fresh_database)
        before = await carpool.requests.of_offer(offer.id, DRIVER, _now(), 10)
        first = carpool.latest()
        await asyncio.to_thread(load_speeds, store, SAMPLE_NAME, slow)

        async def renewed() -> bool:
            return carpool.latest() is not first

        await until(renewed)
        again = await publish(carpool, a_morning(), max_detour_s=600)
        await settled(fresh_database)
        told = await events(fresh_database)
        assert before.fitting == 1
        assert set(told) == {(kept.id, offer.id)}, "six times the detour is too long"
        wide = await publish(carpool, a_morning(), max_detour_s=3600)
        await settled(fresh_database)
        assert set(await events(fresh_database)) - set(told) == {(kept.id, wide.id)}
        ((fit,), (was,)) = (
            (await carpool.latest().requests.of_offer(wide.id, DRIVER, _now(), 10)).best,
            before.best,
        )
        assert fit.detour_min > 3 * max(1, was.detour_min)
        found = await forward(carpool, [kept])
        assert (kept.id, wide.id) in found
        assert (kept.id, again.id) not in found
