"""Services on the network, when they are well and when they are not. A real server on 127.0.0.1 plays them."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from matcher.domain.errors.tree import AddressNotFound, GeocoderUnavailable
from matcher.domain.place import BoundingBox, Coordinate
from matcher.geocoding.network.backoff import Backoff
from matcher.geocoding.network.geocoder import Access, NetworkGeocoder
from matcher.geocoding.network.http_client import MAX_BODY_BYTES
from matcher.geocoding.network.providers import PROVIDERS
from tests.contract import provider_server as server
from tests.contract.provider_server import KINDS, Provider, a_geocoder_of, a_provider

QUESTION = "Avenida Balmaceda, La Serena"


@pytest.fixture(params=KINDS)
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    async with a_provider(str(request.param)) as running:
        yield running


async def test_who_asks_is_told(provider: Provider) -> None:
    async with a_geocoder_of(provider, user_agent="carpool of Coquimbo <ops@example.org>") as geocoder:
        await geocoder.geocode(QUESTION, limit=3)
    assert provider.asked[0].headers["User-Agent"] == "carpool of Coquimbo <ops@example.org>"


@pytest.mark.parametrize("retry_after", ["0", "Thu, 01 Jan 1970 00:00:00 GMT"])
async def test_after_429_it_is_asked_again_when_allowed(provider: Provider, retry_after: str) -> None:
    provider.scripts.append(server.status(429, Retry_After=retry_after))
    async with a_geocoder_of(provider) as geocoder:
        assert await geocoder.geocode(QUESTION, limit=3)
    assert len(provider.asked) == 2


async def test_a_long_retry_after_is_obeyed_without_making_callers_wait(provider: Provider) -> None:
    provider.scripts.append(server.status(429, Retry_After="120"))
    async with a_geocoder_of(provider) as geocoder:
        for _ in range(3):
            with pytest.raises(GeocoderUnavailable) as caught:
                await geocoder.geocode(QUESTION, limit=3)
            assert 110 <= caught.value.retry_after_s <= 120
    assert len(provider.asked) == 1


@pytest.mark.parametrize("failure", [server.status(500), server.status(502), server.status(503), server.hang_up])
async def test_a_passing_failure_is_not_noticed(provider: Provider, failure: server.Script) -> None:
    provider.scripts += [failure, failure]
    async with a_geocoder_of(provider) as geocoder:
        assert await geocoder.geocode(QUESTION, limit=3)
    assert len(provider.asked) == 3


async def test_a_lasting_failure_is_an_outage(provider: Provider) -> None:
    provider.scripts += [server.status(500)] * 3
    async with a_geocoder_of(provider) as geocoder:
        with pytest.raises(GeocoderUnavailable) as caught:
            await geocoder.resolve(QUESTION)
        assert "500" not in caught.value.detail
        assert caught.value.retry_after_s >= 1
        assert (await geocoder.resolve(QUESTION)).label
    assert len(provider.asked) == 4


async def test_a_provider_that_hangs_is_given_up_and_then_left_alone(provider: Provider) -> None:
    provider.scripts.append(server.hang)
    async with a_geocoder_of(provider, timeout_s=1.0, backoff=Backoff(attempts=1)) as geocoder:
        for _ in range(2):
            with pytest.raises(GeocoderUnavailable):
                await geocoder.geocode(QUESTION, limit=3)
    assert len(provider.asked) == 1


async def test_after_its_rest_a_provider_is_asked_again() -> None:
    async with a_provider("photon") as provider:
        provider.scripts.append(server.hang)
        async with a_geocoder_of(provider, timeout_s=3.0, backoff=Backoff(attempts=1), rest_s=0.0) as geocoder:
            with pytest.raises(GeocoderUnavailable):
                await geocoder.geocode(QUESTION, limit=3)
            assert await geocoder.geocode(QUESTION, limit=3)


async def test_a_provider_that_is_not_there_is_an_outage(provider: Provider) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        provider.domain = f"127.0.0.1:{free.getsockname()[1]}"
    async with a_geocoder_of(provider) as geocoder:
        with pytest.raises(GeocoderUnavailable):
            await geocoder.reverse(Coordinate(lat=-29.9, lon=-71.25))


@pytest.mark.parametrize("code", [401, 403, 402])
async def test_a_refused_key_is_an_outage_and_not_tried_again(provider: Provider, code: int) -> None:
    provider.scripts.append(server.status(code))
    async with a_geocoder_of(provider) as geocoder:
        with pytest.raises(GeocoderUnavailable):
            await geocoder.geocode(QUESTION, limit=3)
    assert len(provider.asked) == 1


async def test_a_refused_question_has_no_candidates(provider: Provider) -> None:
    provider.scripts += [server.status(400)] * 2
    async with a_geocoder_of(provider) as geocoder:
        assert await geocoder.geocode(QUESTION, limit=3) == []
        with pytest.raises(AddressNotFound):
            await geocoder.resolve(QUESTION)


@pytest.mark.parametrize(
    "text",
    ["{", "", "<html>busy</html>", "[" * 100_000, '"x"', "17", "[17]", "[null]",
     '{"features": 3}', '{"features": [{}]}',
     '{"features": [{"geometry": {"coordinates": []}, "properties": {}}]}'],
    ids=["cut", "empty", "html", "deep", "string", "number", "numbers", "nulls",
         "no list", "no members", "no coordinates"],
)  # fmt: skip
async def test_an_answer_that_is_none_is_an_outage_and_not_tried_again(provider: Provider, text: str) -> None:
    provider.scripts.append(server.body(text))
    async with a_geocoder_of(provider) as geocoder:
        with pytest.raises(GeocoderUnavailable):
            await geocoder.geocode(QUESTION, limit=3)
    assert len(provider.asked) == 1


@pytest.mark.parametrize("text", ["null", "{}", "[]", '{"features": []}'])
async def test_an_empty_answer_never_breaks_anything(provider: Provider, text: str) -> None:
    provider.scripts.append(server.body(text))
    async with a_geocoder_of(provider) as geocoder:
        try:
            assert await geocoder.geocode(QUESTION, limit=3) == []
        except GeocoderUnavailable:
            assert text != '{"features": []}' or provider.kind == "nominatim"


@pytest.mark.filterwarnings("ignore:Latitude normalization")  # how geopy announces the ValueError that follows
async def test_an_answer_off_the_earth_is_an_outage() -> None:
    feature = {"geometry": {"coordinates": [10.0, 95.0]}, "properties": {"name": "Nowhere"}}
    async with a_provider("photon") as provider, a_geocoder_of(provider) as geocoder:
        provider.scripts.append(server.body(json.dumps({"features": [feature]})))
        with pytest.raises(GeocoderUnavailable):
            await geocoder.geocode("Nowhere", limit=3)


async def test_an_answer_that_is_too_long_is_not_read(provider: Provider) -> None:
    empty = "[]" if provider.kind == "nominatim" else '{"features": []}'
    provider.scripts += [server.body(empty + " " * MAX_BODY_BYTES)] * 3
    async with a_geocoder_of(provider) as geocoder:
        with pytest.raises(GeocoderUnavailable):
            await geocoder.geocode(QUESTION, limit=3)


async def test_a_redirect_is_not_followed(provider: Provider) -> None:
    provider.scripts += [server.status(302, Location=f"http://{provider.domain}/elsewhere")] * 3
    async with a_geocoder_of(provider) as geocoder:
        with pytest.raises(GeocoderUnavailable):
            await geocoder.geocode(QUESTION, limit=3)
    assert all(request.path != "/elsewhere" for request in provider.asked)


async def test_only_so_many_calls_are_under_way(provider: Provider) -> None:
    async def slowly(_: Any) -> Any:
        await asyncio.sleep(0.02)
        return await server.body("[]")(_)

    provider.scripts += [slowly] * 8
    async with a_geocoder_of(provider, max_concurrent=2) as geocoder:
        await asyncio.gather(*(geocoder.geocode(f"{QUESTION} {i}", limit=1) for i in range(8)), return_exceptions=True)
    assert provider.most_under_way == 2


async def test_calls_keep_their_distance(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on only while a call waits, so that a busy machine changes nothing."""
    now_s, times = 0.0, list[float]()
    provider.scripts += [server.status(400)] * 3
    async with a_geocoder_of(provider, min_delay_s=5.0) as geocoder:
        paced, send = geocoder._paced, geocoder._paced.func

        async def wait(seconds: float) -> None:
            nonlocal now_s
            now_s += seconds
            await asyncio.sleep(0)

        async def noted(*words: Any, **more: Any) -> Any:
            times.append(now_s)
            return await send(*words, **more)

        for name, fake in {"_clock": lambda: now_s, "_sleep": wait, "func": noted}.items():
            monkeypatch.setattr(paced, name, fake)
        await asyncio.gather(*(geocoder.geocode(QUESTION, limit=1) for _ in range(3)))
    assert len(times) == len(provider.asked) == 3
    assert all(later - earlier >= 5.0 for earlier, later in itertools.pairwise(times))


BOX = BoundingBox(south=-29.93, west=-71.30, north=-29.85, east=-71.20)


async def test_answers_outside_the_region_are_passed_over(provider: Provider) -> None:
    async with a_geocoder_of(provider, box=BOX) as geocoder:
        places = await geocoder.geocode("balmaceda", limit=5)
        assert [place.coordinate.lat for place in places] == [-29.9100]
        assert (await geocoder.resolve("balmaceda")).coordinate.lat == -29.9100


async def test_the_region_is_part_of_the_question_where_it_can_be() -> None:
    expected = {
        "nominatim": {"viewbox": "-71.3,-29.93,-71.2,-29.85", "bounded": "1"},
        "photon": {"bbox": "-71.3,-29.93,-71.2,-29.85"},
        "pelias": {"boundary.rect.min_lat": "-29.93", "boundary.rect.max_lon": "-71.2", "api_key": "k"},
        "banfrance": {"limit": "3"},
    }  # fmt: skip
    for kind, parameters in expected.items():
        async with a_provider(kind) as provider:
            async with a_geocoder_of(provider, box=BOX, api_key="k") as geocoder:
                await geocoder.geocode(QUESTION, limit=3)
            asked = provider.asked[0].query
            assert {name: asked[name] for name in parameters} == parameters


async def test_nothing_is_asked_for_text_that_is_no_address(provider: Provider) -> None:
    async with a_geocoder_of(provider) as geocoder:
        assert await geocoder.geocode(" \x00 ", limit=3) == []
        assert await geocoder.geocode("a" * 201, limit=3) == []
    assert provider.asked == []


async def test_addresses_are_not_logged(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    provider.scripts += [server.status(500, body="Avenida Balmaceda is unknown")] * 3
    async with a_geocoder_of(provider) as geocoder:
        with pytest.raises(GeocoderUnavailable):
            await geocoder.geocode(QUESTION, limit=3)
        await geocoder.geocode(QUESTION, limit=3)
    ours = [record for record in caplog.records if not record.name.startswith(("asyncio", "aiohttp"))]
    assert not any("balmaceda" in record.getMessage().lower() for record in ours)


@pytest.mark.parametrize(("name", "user_agent"), [("pelias", "x"), ("nominatim", " "), ("photon", "")])
def test_wrong_settings_are_refused(name: str, user_agent: str) -> None:
    with pytest.raises(ValueError, match="geocoder"):
        NetworkGeocoder(PROVIDERS[name], Access(user_agent))


@pytest.mark.parametrize("name", KINDS)
async def test_a_public_server_is_not_asked_more_often_than_it_allows(name: str) -> None:
    """Nominatim's usage policy: one call a second, one at a time; a server of one's own takes what it is sent."""
    public = PROVIDERS[name].public_domain
    for domain in (public, "geocoder.example"):
        if domain is None:
            continue
        geocoder = NetworkGeocoder(PROVIDERS[name], Access("x", domain=domain, max_concurrent=4))
        limited = domain == public and name == "nominatim"
        assert geocoder._paced.min_delay_seconds == (1.0 if limited else 0.0)
        assert geocoder._slots._value == (1 if limited else 4)
        await geocoder.close()
