"""What callers may ask of the service: rate limits, addresses, deadlines, slow callers, and pages in browsers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from api.app_keys import TRAFFIC
from matcher.domain.principal import Role
from tests.api.edges import metric, protected, said
from tests.api.live import Live, a_search, an_offer

SOMEWHERE, ELSEWHERE = "203.0.113.9", "203.0.113.10"


async def test_a_user_who_outruns_the_limit_is_told_when_to_come_back(live: Live) -> None:
    token = await live.key("rider")
    async with protected(live, rate_search_per_minute=1, rate_search_burst=3) as edge:
        left = []
        for _ in range(3):
            answer = await edge.call("POST", "/v1/match", token, json=a_search())
            assert answer.status == 200
            assert answer.headers["RateLimit-Policy"] == '"search";q=3;w=180'
            left.append(answer.headers["RateLimit"].split(";")[1])
        assert left == ["r=2", "r=1", "r=0"]
        answer = await edge.call("POST", "/v1/match", token, json=a_search())
        assert (answer.status, answer.problem()["code"]) == (429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.headers["RateLimit"] == f'"search";r=0;t={answer.headers["Retry-After"]}'
        assert (await edge.call("GET", "/v1/geocode?q=Balmaceda", token)).status == 200, "another kind of call"
        assert (await edge.call("POST", "/v1/match", await live.key("rider"), json=a_search())).status == 200
        assert await metric(edge, 'carpool_rate_limited_total{limit="search"}') == 1


async def test_two_edges_share_the_limit_and_all_keys_of_a_user_count_together(live: Live) -> None:
    tokens = [await live.key("rider", "roberta") for _ in range(2)]
    limits = {"rate_search_per_minute": 1, "rate_search_burst": 5}
    async with protected(live, **limits) as one, protected(live, **limits) as other:
        calls = [
            edge.call("POST", "/v1/match", token, json=a_search())
            for edge in (one, other)
            for token in tokens
            for _ in range(4)
        ]
        statuses = sorted([answer.status for answer in await asyncio.gather(*calls)])
    assert statuses == [200] * 5 + [429] * 11


async def test_operators_are_never_limited(live: Live) -> None:
    token = await live.key("ops")
    async with protected(live, rate_read_per_minute=1, rate_read_burst=1) as edge:
        for _ in range(3):
            assert (await edge.call("GET", "/metrics", token)).status == 200


async def test_an_address_is_limited_before_anybody_is_asked_for_a_key(live: Live) -> None:
    settings = {"trusted_proxies": "127.0.0.0/8", "rate_address_per_minute": 1, "rate_address_burst": 2}
    async with protected(live, **settings) as edge:
        vouched_for = {"X-Forwarded-For": f"1.1.1.1, {SOMEWHERE}"}
        answers = [await edge.call("GET", "/v1/offers", headers=vouched_for) for _ in range(3)]
        assert [answer.status for answer in answers] == [401, 401, 429]
        assert answers[-1].problem()["code"] == "rate_limited"
        assert (await edge.call("GET", "/", headers={"X-Forwarded-For": SOMEWHERE})).status == 429
        assert (await edge.call("GET", "/healthz", headers={"X-Forwarded-For": SOMEWHERE})).status == 200
        assert (await edge.call("GET", "/", headers={"X-Forwarded-For": ELSEWHERE})).status == 200


async def test_a_header_that_nobody_vouches_for_is_not_believed(live: Live) -> None:
    async with protected(live, rate_address_per_minute=1, rate_address_burst=1) as edge:
        for _ in range(3):
            assert (await edge.call("GET", "/", headers={"X-Forwarded-For": "203.0.113.20"})).status == 200


async def test_users_of_a_partner_are_limited_each_and_its_server_as_one_address_unless_it_is_trusted(
    live: Live,
) -> None:
    partner = await live.key("partner", acts_as=[Role.RIDER])
    limits = {"rate_read_per_minute": 1, "rate_read_burst": 1, "rate_address_per_minute": 1, "rate_address_burst": 3}

    async def calls(edge: Live, users: list[str], forwarded: str) -> list[tuple[int, str]]:
        headers = {"X-Forwarded-For": forwarded}
        answers = [
            await edge.call("GET", "/v1/bookings", partner, headers={**headers, "X-On-Behalf-Of": user})
            for user in users
        ]
        return [(answer.status, answer.headers["RateLimit"].split(";")[0].strip('"')) for answer in answers]

    async with protected(live, trusted_proxies="127.0.0.1", **limits) as edge:
        ours = ["ana", "ana", "ben", "cleo"]
        assert await calls(edge, ours, "203.0.113.40") == [
            (200, "read"), (429, "read"), (200, "read"), (429, "address"),
        ]  # fmt: skip
    async with protected(live, trusted_proxies="127.0.0.1,203.0.113.41", **limits) as edge:
        for user, address in (("dan", "198.51.100.1"), ("eve", "198.51.100.2"), ("fay", "198.51.100.3")):
            assert await calls(edge, [user], f"{address}, 203.0.113.41") == [(200, "read")]
            assert await calls(edge, [user], f"{address}, 203.0.113.41") == [(429, "read")]


async def test_whoever_guesses_keys_is_stopped_and_others_are_not(live: Live) -> None:
    token = await live.key("driver")
    settings = {"trusted_proxies": "127.0.0.1", "rate_failures_per_minute": 1, "rate_failures_burst": 3}
    guesser, other = {"X-Forwarded-For": "203.0.113.30"}, {"X-Forwarded-For": "203.0.113.31"}
    async with protected(live, **settings) as edge:
        for _ in range(5):
            assert (await edge.call("GET", "/v1/offers", token, headers=guesser)).status == 200, "good keys count not"
        statuses = [(await edge.call("GET", "/v1/offers", "ck_a_b", headers=guesser)).status for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        assert (await edge.call("GET", "/v1/offers", token, headers=guesser)).status == 429
        assert (await edge.call("GET", "/v1/offers", token, headers=other)).status == 200


async def _statements(database: asyncpg.Connection[Any], what: str) -> int:
    return int(
        await database.fetchval(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE state = 'active' AND query ILIKE $1 AND pid <> pg_backend_pid()",
            f"%{what}%",
        )
    )


async def _until(database: asyncpg.Connection[Any], what: str, count: int) -> None:
    while await _statements(database, what) != count:  # noqa: ASYNC110  # another process's state
        await asyncio.sleep(0.01)


@pytest.fixture
async def locked_offers(live: Live) -> AsyncIterator[asyncpg.Connection[Any]]:
    """The table of offers, which nobody else may touch; the connection that holds it."""
    url = live.carpool.settings.storage.database_url
    assert url is not None
    holder, watcher = await asyncpg.connect(url.get_secret_value()), await asyncpg.connect(url.get_secret_value())
    async with holder.transaction():
        await holder.execute("LOCK TABLE offers IN ACCESS EXCLUSIVE MODE")
        yield watcher
    await holder.close()
    await watcher.close()


async def test_a_call_that_takes_too_long_is_given_up_down_to_its_statement(
    live: Live, locked_offers: asyncpg.Connection[Any]
) -> None:
    token = await live.key("driver")
    async with protected(live, request_timeout_s=0.3) as edge:
        answer = await edge.call("GET", "/v1/offers", token)
        assert (answer.status, answer.problem()["code"]) == (503, "deadline_exceeded")
        assert "Retry-After" in answer.headers
        await _until(locked_offers, "from offers", 0)


async def test_the_work_of_a_caller_who_goes_away_is_given_up(
    live: Live, locked_offers: asyncpg.Connection[Any]
) -> None:
    token = await live.key("driver")
    async with protected(live) as edge:
        call = asyncio.create_task(edge.call("GET", "/v1/offers", token))
        await _until(locked_offers, "from offers", 1)
        call.cancel()
        await _until(locked_offers, "from offers", 0)
        gone = 'carpool_http_request_seconds_count{method="GET",route="/v1/offers",status="499"}'
        while await metric(edge, gone) != 1:  # noqa: ASYNC110  # the edge finds out in its own time
            await asyncio.sleep(0.01)


async def test_a_change_that_has_begun_is_finished_although_nobody_waits(live: Live) -> None:
    token = await live.key("driver")
    url = live.carpool.settings.storage.database_url
    assert url is not None
    holder = await asyncpg.connect(url.get_secret_value())
    async with protected(live, request_timeout_s=0.3) as edge:
        async with holder.transaction():
            await holder.execute("LOCK TABLE offers IN EXCLUSIVE MODE")
            answer = await edge.call("POST", "/v1/offers", token, json=an_offer())
            assert (answer.status, answer.problem()["code"]) == (503, "deadline_exceeded")
        await edge.app[TRAFFIC].finishing.wait()
        listed = await live.call("GET", "/v1/offers", token)  # which may take its time
        assert len(listed.json["offers"]) == 1
    await holder.close()


async def test_whoever_sends_headers_too_slowly_is_cut_off(live: Live) -> None:
    async with protected(live, header_timeout_s=1.0) as edge:
        twice = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET / HTT"
        *slow, answers = await asyncio.gather(
            said(edge, b""),
            said(edge, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "),
            said(edge, twice, then=b"P", after_s=0.1),
        )
        assert [said[:13] for said in slow] == [b"HTTP/1.1 408 "] * 2
        assert answers.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in answers
        assert await metric(edge, 'carpool_slow_clients_total{part="header"}') == 3


async def test_headers_that_come_in_time_and_a_kept_connection_are_fine(live: Live) -> None:
    async with protected(live, header_timeout_s=2.0) as edge:
        head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
        told = await said(edge, head, then=b"Connection: close\r\n\r\n", after_s=0.1)
        assert told.startswith(b"HTTP/1.1 200 ")
        for _ in range(3):
            assert (await edge.call("GET", "/healthz")).status == 200
            await asyncio.sleep(0.8)  # longer than the time-out, all together
        assert await metric(edge, 'carpool_slow_clients_total{part="header"}') == 0


async def test_a_body_that_comes_too_slowly_is_not_waited_for(live: Live) -> None:
    token = await live.key("driver")
    head = f"POST /v1/offers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    async with protected(live, body_timeout_s=0.2) as edge:
        host, port = edge.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert await metric(edge, 'carpool_slow_clients_total{part="body"}') == 1


async def test_whoever_does_not_take_in_the_answer_is_cut_off(live: Live) -> None:
    async with protected(live, write_timeout_s=0.2) as edge:
        host, port = edge.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        # Many answers of 100 kB and more fill every buffer on the way.
        writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400)
        while await metric(edge, 'carpool_slow_clients_total{part="write"}') != 1:  # noqa: ASYNC110  # its own time
            await asyncio.sleep(0.02)
        writer.close()
        assert not reader.at_eof()


async def test_pages_of_an_origin_that_is_allowed_may_call(live: Live) -> None:
    origin, stranger = "https://app.example", "https://evil.example"
    asks = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    async with protected(live, cors_origins=origin) as edge:
        preflight = await edge.call("OPTIONS", "/v1/match", headers=asks)
        assert (preflight.status, preflight.body) == (204, b"")
        assert preflight.headers["Access-Control-Allow-Origin"] == origin
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
        answer = await edge.call("POST", "/v1/match", json=a_search(), headers={"Origin": origin})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, origin)
        assert "Origin" in answer.headers["Vary"]
        assert "RateLimit" in answer.headers["Access-Control-Expose-Headers"]
        for method in ("OPTIONS", "POST"):
            refused = await edge.call(method, "/v1/match", headers={**asks, "Origin": stranger})
            assert "Access-Control-Allow-Origin" not in refused.headers
            assert "Origin" in refused.headers["Vary"]


async def test_credentials_are_never_allowed_to_pages(live: Live) -> None:
    async with protected(live, cors_origins="*") as edge:
        answer = await edge.call("GET", "/", headers={"Origin": "https://any.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_without_a_setting_no_page_may_call(live: Live) -> None:
    answer = await live.call("GET", "/", headers={"Origin": "https://any.example"})
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


async def test_browsers_are_told_what_an_answer_may_do(live: Live) -> None:
    async with protected(live, hsts_s=31_536_000) as edge:
        for path in ("/", "/v1/offers", "/nowhere", "/docs", "/docs/problems"):
            headers = (await edge.call("GET", path)).headers
            assert headers["Strict-Transport-Security"] == "max-age=31536000"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in (await live.call("GET", "/")).headers


async def test_a_service_that_stops_says_that_it_is_not_ready_and_closes_kept_connections(live: Live) -> None:
    async with protected(live) as edge:
        edge.app[TRAFFIC].begin_draining()
        answer = await edge.call("GET", "/readyz")
        assert (answer.status, json.loads(answer.body)["checks"]) == (503, {"service": "stopping"})
        for path in ("/healthz", "/nowhere", "/v1/offers"):
            assert (await edge.call("GET", path)).headers["Connection"] == "close"
