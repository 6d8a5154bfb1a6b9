"""Occurrences are made ahead and follow their series: each once, by many processes, wherever one is stopped."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.domain.offer import Offer, OfferStatus, TripFields
from matcher.domain.place import Coordinate, PlaceInput
from matcher.domain.principal import Principal, Role
from matcher.domain.series import Occurrence, Series, SeriesChange, SeriesDraft, WayBack
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.pool import Database
from matcher.privacy.store import PostgresPersonalData
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.series.store import PostgresSeries
from matcher.wiring.service import Carpool, running
from tests.api.live import settings_for
from tests.conftest import database_url

DRIVER = Principal(user="dora", role=Role.DRIVER, key_id="d")
SOUTH = PlaceInput(coordinate=Coordinate(lat=-29.953, lon=-71.338))
NORTH = PlaceInput(coordinate=Coordinate(lat=-29.905, lon=-71.25))
DAY = timedelta(days=1)
WEEKDAYS = frozenset({1, 4})


@pytest.fixture(scope="module")
def region_folder(tmp_path_factory: pytest.TempPathFactory, with_sample: Callable[[Path], Path]) -> Path:
    """A data folder with the bundled region, for these tests."""
    return with_sample(tmp_path_factory.mktemp("series"))


@pytest.fixture(scope="module")
async def own_database(embedded_server: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """The URL of a database that these tests share; each has a driver of its own in it."""
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(database_url(embedded_server.url, "postgres"))
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY WAL_LOG")
    yield database_url(embedded_server.url, name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture(scope="module")
async def two(region_folder: Path, own_database: str) -> AsyncIterator[list[Carpool]]:
    """Two instances on one database."""
    settings = settings_for(region_folder, own_database)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(settings)) for _ in range(2)]


def _now() -> datetime:
    return datetime.now(UTC)


async def post(carpool: Carpool, **changes: Any) -> Series:
    """A trip of a new driver's, there and back on Mondays and Thursdays, from the day after tomorrow on."""
    draft = SeriesDraft(
        origin=SOUTH, destination=NORTH, via=(), departure=time(7, 45), back=WayBack(time(18, 0)),
        trip=TripFields(seats=3, flexibility_s=900), weekdays=WEEKDAYS, from_date=_now().date() + 2 * DAY,
    )  # fmt: skip
    driver = replace(DRIVER, user=f"driver-{uuid4()}")
    series, _ = await carpool.series.publish(replace(draft, **changes), driver, _now())
    return series


async def made(carpool: Carpool, series: Series) -> list[Occurrence]:
    """All that was made of a series and is open."""
    found = await carpool.series.read._series.occurrences(series.id, departing_from=None)
    return [one for one in found if one.status is OfferStatus.OPEN]


def driver_of(series: Series) -> Principal:
    """Whose it is."""
    return replace(DRIVER, user=series.driver_id)


async def offers(carpool: Carpool, series: Series) -> list[Offer]:
    """Every open offer of its driver."""
    page = await carpool.offers.read.list_page(driver_of(series), OfferStatus.OPEN, None, None, 500, None)
    return list(page.items)


def days(series: Series, last: date) -> Counter[tuple[date, str]]:
    """Each date up to one, there and back."""
    first = series.phases[0].from_date
    every = [first + n * DAY for n in range((last - first).days + 1)]
    return Counter((day, way) for day in every if day.isoweekday() in WEEKDAYS for way in ("OUT", "BACK"))


async def test_whoever_makes_what_is_ahead_each_date_is_made_once(two: list[Carpool]) -> None:
    one, other = two
    series = await post(one)
    for later in (_now() + 3 * DAY, _now() + 9 * DAY):
        # By the clock of both, and as after a change at the same moment.
        await asyncio.gather(
            *(carpool.series.tend.all_due(later) for carpool in two),
            *(c.series.tend(series.id, later) for c in two * 2),
        )
        there = await made(other, series)
        assert Counter((o.key.day, o.key.direction.value) for o in there) == days(series, (later + 28 * DAY).date())
        assert Counter(o.offer_id for o in there) == Counter(offer.id for offer in await offers(one, series))
        assert await one.series.tend.all_due(later) == 0, "there is nothing left to do"


@pytest.mark.parametrize("method", ["make", "tended"])
@pytest.mark.parametrize("committed", [False, True])
async def test_a_process_that_is_stopped_while_it_makes_leaves_the_rest_to_another(
    two: list[Carpool], monkeypatch: pytest.MonkeyPatch, method: str, committed: bool
) -> None:
    one, other = two
    series = await post(one)
    whole = getattr(PostgresSeries, method)

    async def stops(*given: Any) -> Any:
        if committed:
            await whole(*given)
        raise DatabaseUnavailable("gone")

    later = _now() + 5 * DAY
    with monkeypatch.context() as patch:
        patch.setattr(PostgresSeries, method, stops)
        with pytest.raises(DatabaseUnavailable):
            await one.series.tend.all_due(later)
    assert await other.series.tend.all_due(later) == 0 or (committed and method == "tended"), "it is held for a while"
    later += timedelta(minutes=6)
    await other.series.tend.all_due(later)
    there = await made(other, series)
    assert Counter((o.key.day, o.key.direction.value) for o in there) == days(series, (later + 28 * DAY).date())
    assert len(await offers(other, series)) == len(there)


async def test_a_change_that_breaks_off_is_made_good_by_the_clock(
    two: list[Carpool], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    series = await post(one)
    commit, done = PostgresTrips.commit, 0

    async def stops(*given: Any, **named: Any) -> Any:
        nonlocal done
        done += 1
        if done > 3:
            raise DatabaseUnavailable("gone")
        return await commit(*given, **named)

    change = SeriesChange(departure=time(9, 15), trip={"seats": 2})
    with monkeypatch.context() as patch:
        patch.setattr(PostgresTrips, "commit", stops)
        with pytest.raises(DatabaseUnavailable):
            await one.series.change.change(series.id, change, None, 1, driver_of(series), _now())
    assert Counter(offer.seats_offered for offer in await offers(one, series))[2] == 3
    await asyncio.gather(*(carpool.series.tend.all_due(_now()) for carpool in two))
    there = await offers(other, series)
    assert {offer.seats_offered for offer in there} == {2}
    assert {offer.departure.astimezone(series.zone).time() for offer in there} == {time(9, 15), time(18, 0)}
    assert len(there) == len(await made(one, series)) == sum(days(series, (_now() + 28 * DAY).date()).values())
    assert await other.series.tend.all_due(_now()) == 0


async def test_a_series_that_is_over_is_forgotten_after_its_trips(two: list[Carpool], own_database: str) -> None:
    one, _ = two
    database = await Database.open(own_database, min_size=1, max_size=1)
    series = await post(one, weekdays=frozenset(range(1, 8)), until=_now().date() + 3 * DAY)
    data, late = PostgresPersonalData(database), _now() + 500 * DAY
    assert await data.forget_series(late) == 0, "its trips are there"
    await one.series.change.withdraw(series.id, None, None, driver_of(series), _now())
    assert await data.forget_series(late) == 0
    assert await data.forget_offers(late) == 4
    assert await data.forget_series(series.updated_at) == 0
    assert await data.forget_series(late) == 1
    await database.close()
