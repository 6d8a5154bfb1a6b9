"""The service as a whole: starting, stopping, saying how it is, and what surrounds every answer."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import structlog

from api.app import build_app
from api.process.server import serve
from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.wiring.service import Carpool, running
from tests.api.live import SERVER, Live, a_search, an_offer, ready, serving, settings_for


async def test_the_service_answers_while_it_loads(live: Live) -> None:
    loaded = asyncio.Event()

    @asynccontextmanager
    async def slow() -> AsyncIterator[Carpool]:
        await loaded.wait()
        yield live.carpool

    async with serving(build_app(slow(), SERVER)) as loading:
        assert (await loading.call("GET", "/healthz")).json == {"status": "alive"}
        starting = await loading.call("GET", "/readyz")
        assert (starting.status, starting.json["ready"], "Retry-After" in starting.headers) == (503, False, True)
        answer = await loading.call("POST", "/v1/match", await live.key("rider"), json=a_search())
        assert (answer.status, answer.problem()["code"]) == (503, "not_ready")
        assert "Retry-After" in answer.headers
        assert (await loading.call("GET", "/openapi.json")).status == 200
        loaded.set()
        await ready(loading)
        assert (await loading.call("POST", "/v1/match", await live.key("rider"), json=a_search())).status == 200


async def test_a_service_that_is_still_loading_can_be_stopped(live: Live) -> None:
    left, forever = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def endless() -> AsyncIterator[Carpool]:
        try:
            await forever.wait()
            yield live.carpool
        finally:
            left.set()

    async with serving(build_app(endless(), SERVER)) as loading:
        assert (await loading.call("GET", "/readyz")).status == 503
    assert left.is_set()


async def test_a_service_that_cannot_load_ends_with_the_reason(tmp_path: Path) -> None:
    nowhere = settings_for(tmp_path, "postgresql://nobody:nothing@127.0.0.1:1/none?sslmode=disable")
    with pytest.raises(DatabaseUnavailable):
        await serve(build_app(running(nowhere), SERVER), host="127.0.0.1", port=0)


async def test_ready_says_what_it_checked(live: Live) -> None:
    answer = await live.call("GET", "/readyz")
    assert answer.status == 200
    assert answer.json["ready"] is True
    checks = answer.json["checks"]
    assert re.fullmatch(r"ok, \d+\.\d s behind, change \d+", checks.pop("changes"))
    assert set(checks.values()) == {"ok"}
    assert {"database", "roads", "index"} <= checks.keys()
    assert answer.json["worker"] == 1
    assert (answer.json["region"], type(answer.json["offers"])) == ("coquimbo", int)


async def test_calls_in_progress_are_finished_when_the_service_is_told_to_stop(
    live: Live, service_folder: Path, fresh_database: str
) -> None:
    urls: asyncio.Queue[str] = asyncio.Queue()
    app = build_app(running(settings_for(service_folder, fresh_database)), SERVER)
    sys.setswitchinterval(0.005)
    service = asyncio.create_task(serve(app, host="127.0.0.1", port=0, grace_s=10, on_listening=urls.put_nowait))
    url = await urls.get()
    assert sys.getswitchinterval() == pytest.approx(0.001), (
        "threads that compute make the event loop wait for this long"
    )
    async with aiohttp.ClientSession() as client:
        stopping = Live(url, app, client)
        await ready(stopping)
        token = await stopping.key("driver")
        body = json.dumps(an_offer()).encode()
        asked_for = asyncio.Event()
        go_on = asyncio.Event()

        async def slow_body() -> AsyncIterator[bytes]:
            yield body[:10]
            asked_for.set()
            await go_on.wait()
            yield body[10:]

        headers = {"Content-Type": "application/json"}
        # The body is asked for by `100 Continue`, so once it is being sent the service is at work on the call.
        call = asyncio.create_task(
            stopping.call("POST", "/v1/offers", token, data=slow_body(), headers=headers, expect100=True)
        )
        await asked_for.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await _until_refused(url)
        assert not service.done()
        go_on.set()
        answer = await call
        assert answer.status == 201, answer.body
        await service


async def _until_refused(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    while True:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except ConnectionError:
            return
        writer.close()
        await asyncio.sleep(0.01)


async def test_a_request_id_is_taken_over_when_it_is_harmless(live: Live) -> None:
    for given, kept in (("abc-123.X:y", True), ("a b", False), ("x" * 65, False), ("", False), ("<script>", False)):
        answer = await live.call("GET", "/nowhere", headers={"X-Request-Id": given})
        assert (answer.headers["X-Request-Id"] == given) is kept
        assert answer.problem()["request_id"] == answer.headers["X-Request-Id"]
    ids = {(await live.call("GET", "/healthz")).headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3


async def test_every_answer_has_the_common_headers(live: Live, driver: str) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/docs"),
        ("GET", "/no"),
        ("PUT", "/"),
        ("GET", "/v1/offers"),
    ):
        answer = await live.call(method, path, driver)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "aiohttp" not in answer.headers["Server"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert len(answer.headers.getall("X-Request-Id")) == 1


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/offers", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/v1/offers/01890000-0000-7000-8000-000000000000", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("GET", "/v1/match", "OPTIONS, POST"),
        ("DELETE", "/healthz", "GET, HEAD, OPTIONS"),
        ("TRACE", "/", "GET, HEAD, OPTIONS"),
        ("PROPFIND", "/", "GET, HEAD, OPTIONS"),
    ],
)
async def test_methods_that_a_resource_does_not_know(live: Live, method: str, path: str, allowed: str) -> None:
    answer = await live.call(method, path)
    assert (answer.status, answer.problem()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed
    options = await live.call("OPTIONS", path)
    assert (options.status, options.headers["Allow"], options.body) == (204, allowed, b"")


@pytest.mark.parametrize(
    "path", ["/v1", "/v2/offers", "/v1/offers/", "//v1/offers", "/v1/offers/a/b", "/..%2f..%2fetc", "/docs/"]
)
async def test_paths_that_lead_nowhere(live: Live, path: str) -> None:
    status, headers, body = await live.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert (status, json.loads(body)["code"]) == (404, "route_not_found")
    assert headers["content-type"] == "application/problem+json"
    assert (await live.call("OPTIONS", "/v1")).status == 404


async def test_head_is_get_without_the_body(live: Live, driver: str) -> None:
    for path in ("/healthz", "/v1/offers", "/openapi.json", "/docs"):
        full, head = await live.call("GET", path, driver), await live.call("HEAD", path, driver)
        assert (head.status, head.body) == (200, b"")
        for header in ("Content-Type", "Content-Length", "Cache-Control"):
            assert head.headers[header] == full.headers[header]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad_request"),
        (b"GET\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBroken header\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET /?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(500)) + b"\r\n", 431, "headers_too_large"),
        (b"POST /v1/offers HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "bad_request"),
        (b"POST /v1/offers HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
         "bad_request"),
        (b"POST /v1/offers HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\nContent-Length: 2\r\n\r\n", 417,
         "expectation_failed"),
    ],
)  # fmt: skip
async def test_what_is_hardly_http(live: Live, data: bytes, status: int, code: str) -> None:
    got, headers, body = await live.raw(data)
    problem = json.loads(body)
    assert (got, problem["status"], problem["code"]) == (status, status, code)
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-request-id"] == problem["request_id"]


async def test_who_writes_a_url_in_plain_letters_is_told_how(live: Live) -> None:
    status, _, body = await live.raw("GET /v1/geocode?q=Müller HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    problem = json.loads(body)
    assert (status, problem["code"]) == (400, "bad_request")
    assert "percent-encode them" in problem["detail"]


async def test_a_body_may_be_announced_first(live: Live, driver: str) -> None:
    body = json.dumps(an_offer(seats=9)).encode()
    headers = {"Expect": "100-continue", "Content-Type": "application/json"}
    assert (await live.call("POST", "/v1/offers", driver, data=body, headers=headers)).status == 422


async def test_an_error_of_ours_tells_nothing_but_an_id() -> None:
    class Broken:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("secret-of-ours")

    @asynccontextmanager
    async def broken() -> AsyncIterator[Carpool]:
        yield Broken()  # type: ignore[misc]

    with structlog.testing.capture_logs() as lines:
        async with serving(build_app(broken(), SERVER)) as live_and_broken:
            answer = await live_and_broken.call("POST", "/v1/match", "ck_a_b", json={})
    problem = answer.problem()
    assert (answer.status, problem["code"]) == (500, "internal_error")
    assert b"secret-of-ours" not in answer.body
    assert b"RuntimeError" not in answer.body
    (line,) = [line for line in lines if line["event"] == "internal error"]
    assert line["kind"] == "builtins.RuntimeError"
    assert "secret-of-ours" not in str(lines)
    assert any("endpoint.py" in frame for frame in line["frames"])


@pytest.fixture
def every_line() -> Iterator[None]:
    """The log from its least severe line on."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("debug"))
    yield
    structlog.configure(wrapper_class=before)


@pytest.mark.usefixtures("every_line")
async def test_the_log_has_a_line_for_each_call_and_nothing_private(live: Live) -> None:
    token = await live.key("driver")
    rider = await live.key("rider")
    with structlog.testing.capture_logs() as lines:
        offer = await live.published(token, destination={"address": "Balmaceda, La Serena"})
        await live.call("GET", f"/v1/offers/{offer['id']}", token)
        await live.call("GET", "/v1/geocode?q=Balmaceda+1234", rider)
        await live.call("GET", "/v1/reverse?lat=-29.9531&lon=-71.3381", rider)
        await live.call("GET", "/v1/offers?limit=Balmaceda", token)
        await live.call("POST", "/v1/match", rider, json=a_search(origin={"address": "Balmaceda"}))
        await live.call("GET", "/Balmaceda/-29.9531", token)
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("POST", "/v1/offers", 201),
        ("GET", "/v1/offers/{offer_id}", 200),
        ("GET", "/v1/geocode", 200),
        ("GET", "/v1/reverse", 200),
        ("GET", "/v1/offers", 422),
        ("POST", "/v1/match", 422),
        ("GET", "unmatched", 404),
    ]
    everything = str(lines)
    for private in ("Balmaceda", "-29.9", "-71.3", token, rider, offer["id"]):
        assert private not in everything
