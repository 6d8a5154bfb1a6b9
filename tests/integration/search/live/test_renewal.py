"""A new version of the region under a service that runs: nothing fails, nothing is lost, and detours are those of
the new roads.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from matcher.check.plain_dijkstra import PlainDijkstra, PlainDijkstraByTime
from matcher.domain.match import MatchAnswer, RequestDraft, TimeWindow, WindowKind
from matcher.domain.offer import Offer, OfferDraft
from matcher.domain.place import Coordinate, PlaceInput, RoadPosition
from matcher.domain.principal import Principal, Role
from matcher.roads.region.extras import clear_speeds, load_speeds
from matcher.roads.region.store import SAMPLE_NAME, RegionStore
from matcher.settings.all import Settings
from matcher.wiring.commands import promise_checks
from matcher.wiring.region import centre_of
from matcher.wiring.service import Carpool, running
from tests.api.live import settings_for

DRIVER = Principal(user="dora", role=Role.DRIVER, key_id="d")
RIDER = Principal(user="rita", role=Role.RIDER, key_id="r")
PORT = PlaceInput(coordinate=Coordinate(lat=-29.953, lon=-71.338))
CENTRE = PlaceInput(coordinate=Coordinate(lat=-29.904, lon=-71.250))
#: Beside the way between the two, so that meeting the rider there is a detour.
BESIDE = PlaceInput(coordinate=Coordinate(lat=-29.93, lon=-71.27))
CHILE = ZoneInfo("America/Santiago")
PEAK = "class,hour_from,hour_to,days,factor\n*,7,9,mon-fri,2\ntrunk,7,9,mon-fri,3\nprimary,7,9,mon-fri,1.3\n"


@pytest.fixture
def settings(with_sample: Callable[[Path], Path], tmp_path: Path, fresh_database: str) -> Settings:
    settings = settings_for(with_sample(tmp_path), fresh_database)
    return replace(settings, roads=settings.roads.model_copy(update={"region_watch_s": 0.05}))


@pytest.fixture
def store(settings: Settings) -> RegionStore:
    return RegionStore(settings.storage.data_dir)


def _now() -> datetime:
    return datetime.now(UTC)


def _next_monday(hour: int) -> datetime:
    """On a day that is not a peak anywhere else, and at least a day ahead."""
    today = _now().astimezone(CHILE)
    monday = today + timedelta(days=7 - today.weekday() + (7 if today.weekday() == 6 else 0))
    return monday.replace(hour=hour, minute=30, second=0, microsecond=0)


async def _publish(carpool: Carpool, departure: datetime) -> Offer:
    draft = OfferDraft(origin=PORT, destination=CENTRE, departure=departure, seats=2, max_detour_s=3600)
    offer = await carpool.latest().offers.publish(draft, DRIVER, _now())
    assert isinstance(offer, Offer)
    return offer


async def _search(carpool: Carpool, departure: datetime) -> MatchAnswer:
    window = TimeWindow(departure - timedelta(minutes=30), departure + timedelta(hours=1))
    draft = RequestDraft(origin=BESIDE, destination=CENTRE, window=window, window_kind=WindowKind.DEPARTURE, limit=50)
    return await carpool.latest().find_matches(draft, RIDER, _now())


async def _until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110  # the watch tells nobody
        await asyncio.sleep(0.02)


def _detour_ms(roads: PlainDijkstra, offer: Offer, pickup: RoadPosition, dropoff: RoadPosition) -> int:
    def drive_ms(here: RoadPosition, there: RoadPosition) -> int:
        cost = roads.tree(here).cost(there)
        assert cost is not None
        return cost[0]

    begin, end = offer.origin.position, offer.destination.position
    return drive_ms(begin, pickup) + drive_ms(pickup, dropoff) + drive_ms(dropoff, end) - drive_ms(begin, end)


def _plain_roads(store: RegionStore) -> PlainDijkstraByTime:
    region = store.get(SAMPLE_NAME)
    return PlainDijkstraByTime.of(region.network, region.speed_profile, centre_of(region))


async def test_new_speeds_are_taken_up_amid_searches_and_offers(
    settings: Settings, store: RegionStore, tmp_path: Path
) -> None:
    peak, noon = _next_monday(7), _next_monday(12)
    (tmp_path / "peak.csv").write_text(PEAK)
    async with running(settings) as carpool:
        offers = {offer.id: offer for offer in [await _publish(carpool, at) for at in (peak, noon) * 3]}
        before = {match.offer_id: match for match in (await _search(carpool, peak)).matches}
        over = asyncio.Event()

        async def keep_searching() -> int:
            count = 0
            while not over.is_set():
                answer = await _search(carpool, peak)
                assert answer.considered >= 6
                assert answer.considered == answer.feasible + sum(answer.turned_away.values())
                count += 1
                await asyncio.sleep(0.005)
            return count

        async def keep_publishing() -> int:
            count = 0
            while not over.is_set():
                offer = await _publish(carpool, peak)
                offers[offer.id] = offer
                found = {match.offer_id for match in (await _search(carpool, peak)).matches}
                assert offer.id in found or len(found) == 50, "what was published is found by the next search"
                count += 1
                await asyncio.sleep(0.02)
            return count

        streams = [asyncio.ensure_future(stream()) for stream in (keep_searching, keep_searching, keep_publishing)]
        await asyncio.sleep(0.1)
        await asyncio.to_thread(load_speeds, store, SAMPLE_NAME, tmp_path / "peak.csv")
        await asyncio.wait([*streams, asyncio.ensure_future(_until(lambda: carpool.latest() is not carpool))],
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        await asyncio.sleep(0.1)
        over.set()
        searches, more_searches, published = await asyncio.gather(*streams)
        assert min(searches, more_searches, published) > 0

        answer = await _search(carpool, peak)
        assert answer.considered == len(offers)
        roads = await asyncio.to_thread(_plain_roads, store)
        pickup, dropoff = (
            place.position
            for place in await carpool.latest().find_matches._resolve._resolve_places([("", BESIDE), ("", CENTRE)])
        )
        for match in answer.matches:
            offer = offers[match.offer_id]
            here = roads.at(offer.departure)
            assert match.detour_s * 1000 == await asyncio.to_thread(_detour_ms, here, offer, pickup, dropoff)
            if match.offer_id in before:
                assert match.detour_s > before[match.offer_id].detour_s
                assert match.ride_s > before[match.offer_id].ride_s
        durations = {offer.departure: offer.duration_ms for offer in offers.values() if offer.id in before}
        for offer in offers.values():
            stored = await carpool.latest().offers.read.get(offer.id, DRIVER)
            assert stored.version == 1, "the driver has changed nothing"
            drive = (await asyncio.to_thread(roads.at(offer.departure).tree, offer.origin.position)).cost(
                offer.destination.position
            )
            if stored.region_fingerprint == carpool.latest().offers.publish._roads.fingerprint:
                assert drive == (stored.duration_ms, stored.length_cm)
            else:
                assert stored.duration_ms == durations.get(offer.departure, stored.duration_ms)
        assert (await carpool.latest().check_health()).ready


async def test_a_check_knows_the_speeds_of_the_hour(settings: Settings, store: RegionStore, tmp_path: Path) -> None:
    (tmp_path / "peak.csv").write_text(PEAK)
    await asyncio.to_thread(load_speeds, store, SAMPLE_NAME, tmp_path / "peak.csv")
    async with running(settings) as carpool:
        slow, quick = await _publish(carpool, _next_monday(7)), await _publish(carpool, _next_monday(12))
        assert slow.duration_ms > 1.2 * quick.duration_ms
    async with promise_checks(settings) as check:
        report = await check(_now(), sample=10, seed=1)
    assert (report.offers, report.outdated, report.violations) == (2, 0, [])
    assert report.findings.checked["match: cheapest meeting points"] > 0
    assert report.matches > 0


async def test_a_damaged_version_is_told_and_not_used(settings: Settings, store: RegionStore, tmp_path: Path) -> None:
    noon = _next_monday(12)
    speeds = (await asyncio.to_thread(store.get, SAMPLE_NAME)).beside / "speeds.csv"
    async with running(settings) as carpool:
        offer = await _publish(carpool, noon)
        await asyncio.to_thread(speeds.write_text, "nonsense")
        health = await carpool.check_health()
        while health.checks["roads"] == "ok":
            await asyncio.sleep(0.02)
            health = await carpool.check_health()
        assert health.ready, "the old version answers"
        assert "cannot be used" in health.checks["roads"]
        assert carpool.latest() is carpool
        assert [match.offer_id for match in (await _search(carpool, noon)).matches] == [offer.id]
        await asyncio.to_thread(clear_speeds, store, SAMPLE_NAME)
        while (await carpool.latest().check_health()).checks["roads"] != "ok":  # noqa: ASYNC110  # the watch tells nobody
            await asyncio.sleep(0.02)


def _add_again(store: RegionStore) -> None:
    with store.exclusive(SAMPLE_NAME) as versions:
        shutil.copytree(store.get(SAMPLE_NAME).folder, versions / "vagain")
        store._put_in_use(SAMPLE_NAME, versions / "vagain")


async def test_the_same_region_added_again_is_taken_up(settings: Settings, store: RegionStore) -> None:
    """Another import of the same data has the same fingerprint: nothing of the offers changes, and the files are the
    new ones.
    """
    noon = _next_monday(12)
    async with running(settings) as carpool:
        offer = await _publish(carpool, noon)
        await asyncio.to_thread(_add_again, store)
        await _until(lambda: carpool.latest() is not carpool)
        assert [match.offer_id for match in (await _search(carpool, noon)).matches] == [offer.id]
        assert await carpool.latest().offers.read.get(offer.id, DRIVER) == offer


async def test_the_bundled_region_is_not_news_to_the_service_that_imports_it(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    nothing_yet = settings.storage.model_copy(update={"data_dir": tmp_path_factory.mktemp("empty")})
    async with running(replace(settings, storage=nothing_yet)) as carpool:
        await asyncio.sleep(0.5)  # ten looks at the disk
        assert carpool.latest() is carpool
