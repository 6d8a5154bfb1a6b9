"""The wired service on a database and the sample region: offers are published, found, kept, moved and expired."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from matcher.domain.errors.tree import DatabaseUnavailable, OfferNotOpen, RegionNotFound, Unauthenticated
from matcher.domain.match import MatchAnswer, RequestDraft, TimeWindow, TurnedAway, WindowKind
from matcher.domain.offer import Offer, OfferChange, OfferDraft, OfferStatus
from matcher.domain.place import Coordinate, PlaceInput
from matcher.domain.principal import Principal, Role
from matcher.people.credentials.secret_file import SecretUnusable
from matcher.settings.all import Settings
from matcher.wiring.service import Carpool, running
from tests.api.live import settings_for

DRIVER = Principal(user="dora", role=Role.DRIVER, key_id="d")
RIDER = Principal(user="rita", role=Role.RIDER, key_id="r")
PORT = PlaceInput(coordinate=Coordinate(lat=-29.953, lon=-71.338))
CENTRE = PlaceInput(address="Balmaceda & Brasil, La Serena")


@pytest.fixture(scope="session")
def region_folder(tmp_path_factory: pytest.TempPathFactory, with_sample: Callable[[Path], Path]) -> Path:
    """A data folder with the bundled region, for these tests."""
    return with_sample(tmp_path_factory.mktemp("lifecycle"))


@pytest.fixture
def settings(region_folder: Path, fresh_database: str) -> Settings:
    return settings_for(region_folder, fresh_database)


def _now() -> datetime:
    return datetime.now(UTC)


async def _publish(carpool: Carpool, departure: datetime, **changes: Any) -> Offer:
    draft = OfferDraft(origin=PORT, destination=CENTRE, departure=departure, seats=2)
    offer = await carpool.offers.publish(replace(draft, **changes), DRIVER, _now())
    assert isinstance(offer, Offer)
    return offer


async def _search(carpool: Carpool, departure: datetime, **changes: Any) -> MatchAnswer:
    window = TimeWindow(departure - timedelta(minutes=10), departure + timedelta(minutes=20))
    draft = RequestDraft(origin=PORT, destination=CENTRE, window=window, window_kind=WindowKind.DEPARTURE)
    return await carpool.find_matches(replace(draft, **changes), RIDER, _now())


def _ids(answer: MatchAnswer) -> list[str]:
    return [str(match.offer_id) for match in answer.matches]


async def test_an_offer_is_matched_until_it_is_changed_away_or_cancelled(settings: Settings) -> None:
    departure = _now() + timedelta(days=1)
    async with running(settings) as carpool:
        offer = await _publish(carpool, departure)
        answer = await _search(carpool, departure)
        assert _ids(answer) == [str(offer.id)]
        best = answer.matches[0]
        assert best.detour_s == best.detour_m == 0
        assert best.overlap == 1
        assert best.ride_m == pytest.approx(offer.length_cm / 100)
        assert best.pickup.time == departure.replace(microsecond=best.pickup.time.microsecond)

        later = await carpool.offers.change(
            offer.id, OfferChange(departure=departure + timedelta(hours=3)), 1, DRIVER, _now()
        )
        missed = await _search(carpool, departure)
        assert not missed.matches
        assert missed.turned_away == {TurnedAway.OUTSIDE_WINDOW: 1}
        assert _ids(await _search(carpool, later.departure)) == [str(offer.id)]

        await carpool.offers.cancel(offer.id, DRIVER, _now())
        gone = await _search(carpool, later.departure)
        assert (gone.considered, gone.matches) == (0, ())
        with pytest.raises(OfferNotOpen):
            await carpool.offers.change(offer.id, OfferChange(seats=1), 3, DRIVER, _now())
        assert (await carpool.offers.read.get(offer.id, DRIVER)).status is OfferStatus.CANCELLED


async def test_nobody_is_matched_with_themselves_and_own_seats_count(settings: Settings) -> None:
    departure = _now() + timedelta(days=1)
    async with running(settings) as carpool:
        await _publish(carpool, departure)
        both = Principal(user="dora", role=Role.PARTNER, key_id="p")
        window = TimeWindow(departure, departure)
        draft = RequestDraft(origin=PORT, destination=CENTRE, window=window, window_kind=WindowKind.DEPARTURE)
        assert (await carpool.find_matches(draft, both, _now())).turned_away == {TurnedAway.OWN_OFFER: 1}
        assert (await _search(carpool, departure, seats=3)).turned_away == {TurnedAway.NO_SEATS: 1}


async def test_a_match_is_never_shown_when_the_database_knows_better(settings: Settings, fresh_database: str) -> None:
    """Cancelled unknown to this instance's index: a change without a new version is no news."""
    departure = _now() + timedelta(days=1)
    async with running(settings) as carpool:
        offer = await _publish(carpool, departure)
        connection = await asyncpg.connect(fresh_database)
        await connection.execute("UPDATE offers SET status = 'CANCELLED' WHERE id = $1", offer.id)
        await connection.close()
        answer = await _search(carpool, departure)
        assert not answer.matches
        assert answer.turned_away == {TurnedAway.CHANGED: 1}
        assert answer.considered == answer.feasible + sum(answer.turned_away.values()) == 1


async def test_offers_and_keys_outlive_the_service(settings: Settings) -> None:
    departure = _now() + timedelta(days=1)
    async with running(settings) as carpool:
        kept = await _publish(carpool, departure, via=(PlaceInput(coordinate=Coordinate(lat=-29.93, lon=-71.27)),))
        cancelled = await _publish(carpool, departure)
        await carpool.offers.cancel(cancelled.id, DRIVER, _now())
        token, key = await carpool.manage_keys.create("dora", Role.DRIVER, _now(), None)
    async with running(settings) as carpool:
        assert await carpool.offers.read.get(kept.id, DRIVER) == kept
        assert (await carpool.check_health()).offers == 1
        assert _ids(await _search(carpool, departure)) == [str(kept.id)]
        assert (await carpool.authenticate(token, _now())).user == "dora"
        await carpool.manage_keys.revoke(key.id, _now())
    async with running(settings) as carpool:
        with pytest.raises(Unauthenticated):
            await carpool.authenticate(token, _now())


async def test_offers_of_an_older_import_are_moved_to_the_present_roads(
    settings: Settings, fresh_database: str
) -> None:
    departure = _now() + timedelta(days=1)
    async with running(settings) as carpool:
        offer = await _publish(carpool, departure)
    connection = await asyncpg.connect(fresh_database)
    await connection.execute("UPDATE offers SET region_fingerprint = 'older', length_cm = 1")
    await connection.close()
    async with running(settings) as carpool:
        moved = await carpool.offers.read.get(offer.id, DRIVER)
        assert moved == offer, "the driver has changed nothing, so the version stays"
        assert _ids(await _search(carpool, departure)) == [str(offer.id)]
        assert len((await carpool.describe_route(moved)).points) > 10


async def test_trips_that_are_over_are_put_away_by_themselves(settings: Settings, fresh_database: str) -> None:
    offers = settings.offers.model_copy(update={"expiry_interval_s": 0.05})
    async with running(replace(settings, offers=offers)) as carpool:
        offer = await _publish(carpool, _now() + timedelta(days=1))
        connection = await asyncpg.connect(fresh_database)
        await connection.execute(
            "UPDATE offers SET depart_at = now() - interval '1 day', over_at = now() - interval '1 hour'"
        )
        await connection.close()
        while (await carpool.check_health()).offers > 0:  # noqa: ASYNC110  # the worker tells nobody
            await asyncio.sleep(0.05)
        assert (await carpool.offers.read.get(offer.id, DRIVER)).status is OfferStatus.PAST


async def test_a_caller_who_hangs_up_leaves_no_half_published_offer(settings: Settings) -> None:
    departure = _now() + timedelta(days=1)
    async with running(settings) as carpool:
        answered: set[asyncio.Task[Offer]] = set()
        patience_s = 0.0005
        while not answered:  # each a little later than the one before, until one is not cut off any more
            call = asyncio.create_task(_publish(carpool, departure))
            answered, _ = await asyncio.wait([call], timeout=patience_s)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            patience_s *= 1.2
        await carpool.offers.publish._trips.drain()
        page = await carpool.offers.read.list_page(DRIVER, None, None, None, 100, None)
        found = _ids(await _search(carpool, departure, limit=50))
        assert sorted(found) == sorted(str(offer.id) for offer in page.items)


@asynccontextmanager
async def _refused(settings: Settings, error: type[Exception]) -> AsyncIterator[None]:
    with pytest.raises(error):
        async with running(settings):
            pytest.fail("the service came up")
    yield


async def test_what_is_missing_is_said_at_start(settings: Settings, tmp_path: Path) -> None:
    elsewhere = replace(settings, roads=settings.roads.model_copy(update={"region": "atlantis"}))
    async with _refused(elsewhere, RegionNotFound):
        pass
    nowhere = SecretStr("postgresql://carpool@127.0.0.1:1/carpool")
    unreachable = replace(settings, storage=settings.storage.model_copy(update={"database_url": nowhere}))
    async with _refused(unreachable, DatabaseUnavailable):
        pass


async def test_a_secret_that_others_may_read_keeps_the_service_down(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    leaked = tmp_path / "secrets" / "key_pepper"
    leaked.write_text("ab" * 32)
    leaked.chmod(0o644)
    (tmp_path / "regions").symlink_to(settings.storage.data_dir / "regions")
    storage = settings.storage.model_copy(update={"data_dir": tmp_path})
    keys = settings.keys.model_copy(update={"key_pepper": None})
    async with _refused(replace(settings, storage=storage, keys=keys), SecretUnusable):
        pass
