"""Routes, place look-ups and health."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable, InvalidField
from matcher.domain.place import Coordinate
from matcher.operation.health import CheckHealth
from matcher.places.look_up import LookUpPlaces
from matcher.places.route import DescribeRoute
from tests.fakes import SameThread
from tests.world import World, at


async def test_a_route_follows_the_roads_through_every_stop(world: World) -> None:
    offer = await world.published(via=(at(0.3),))
    route = await DescribeRoute(world.roads, SameThread())(offer)
    assert [point.lon for point in route.points] == pytest.approx([0.1, 0.3, 0.5])
    assert (route.duration_ms, route.length_cm) == (offer.duration_ms, offer.length_cm)


@pytest.mark.parametrize("change", [{"region": "elsewhere"}, {"region_fingerprint": "older"}])
async def test_positions_of_other_roads_are_never_used(world: World, change: dict[str, str]) -> None:
    offer = replace(await world.published(), **change)  # type: ignore[arg-type]
    drives = world.roads.drives
    route = await DescribeRoute(world.roads, SameThread())(offer)
    assert world.roads.drives == drives
    assert route.points == (offer.origin.coordinate, offer.destination.coordinate)
    assert route.duration_ms == offer.duration_ms


async def test_places_are_looked_up(world: World) -> None:
    look_up = LookUpPlaces(world.geocoder)
    assert [place.label for place in await look_up.search("  Market ", 5, None)] == ["Market, Equator"]
    assert len(await look_up.search("Main Street", 1, None)) == 1
    assert await look_up.reverse(Coordinate(lat=0.0, lon=0.0)) is None


@pytest.mark.parametrize(
    ("text", "limit", "pointer"),
    [("  ", 5, "/q"), ("x" * 301, 5, "/q"), ("Market", 0, "/limit"), ("Market", 21, "/limit")],
)
async def test_a_look_up_needs_a_text_and_a_sensible_limit(world: World, text: str, limit: int, pointer: str) -> None:
    with pytest.raises(InvalidField) as refused:
        await LookUpPlaces(world.geocoder).search(text, limit, None)
    assert refused.value.faults[0].pointer == pointer


async def _fine() -> None:
    pass


async def _away() -> None:
    raise DatabaseUnavailable("the database is away")


async def _silent() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("probe", "ready", "said"),
    [(_fine, True, "ok"), (_away, False, "the database is away"), (_silent, False, "no answer")],
)
async def test_health_says_what_is_wrong(world: World, probe: object, ready: bool, said: str) -> None:
    await world.published()
    probes: dict[str, Any] = {"database": probe}
    check = CheckHealth(
        probes,
        region=world.roads.name,
        offers=lambda: len(world.index),
        version="1.2",
        timeout_s=0.05 if probe is _silent else 60.0,
    )
    health = await check()
    assert health.ready is ready
    assert said in health.checks["database"]
    assert (health.region, health.offers, health.version) == ("equator", 1, "1.2")
