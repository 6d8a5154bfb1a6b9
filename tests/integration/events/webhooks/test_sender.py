"""What is connected to, over real sockets, whatever an address looks like and whatever a name says the second time."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from matcher.domain.errors.events import WebhookUrlRefused
from matcher.events.webhooks.public_addresses import networks_of
from matcher.events.webhooks.sender import HttpEventSender
from tests.receivers import Receiver, StaticResolver, receiving

BODY = b'{"type":"x"}'

#: Each of these leads to this machine or its network if it leads anywhere; PORT is where somebody listens here.
SPELLINGS = [
    "http://127.0.0.1:PORT/", "http://127.1:PORT/", "http://127.0.1:PORT/", "http://2130706433:PORT/", "http://0x7f000001:PORT/",
    "http://0x7f.1:PORT/", "http://0177.0.0.1:PORT/", "http://017700000001:PORT/", "http://0:PORT/", "http://0.0.0.0:PORT/",
    "http://localhost:PORT/", "http://localhost.:PORT/", "http://LOCALHOST:PORT/", "http://127.0.0.1.:PORT/",
    "http://[::1]:PORT/", "http://[::]:PORT/", "http://[::ffff:127.0.0.1]:PORT/", "http://[::ffff:7f00:1]:PORT/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/", "http://[::127.0.0.1]:PORT/", "http://[64:ff9b::7f00:1]:PORT/",
    "http://[2002:7f00:1::]:PORT/", "http://[fe80::1]:PORT/", "http://[fe80::1%25lo]:PORT/",
    "http://%31%32%37.0.0.1:PORT/", "http://①②⑦.0.0.1:PORT/", "http://127。0。0。1:PORT/",
    "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://192.168.1.1/", "http://100.64.0.1/",
]  # fmt: skip

#: Not even looked up.
MALFORMED = [
    "", "hook", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "https://", "https:///x",
    "https://user@example.com/", "https://user:word@example.com/", "https://:word@example.com/", "https://@example.com/",
    "https://example.com@127.0.0.1/", "https://example.com/#part", "https://example.com:0/", "https://example.com:99999/",
    "https://example.com:x/", "https://exa mple.com/", "https://example.com/\r\nHost: x", "https://bücher.example/",
    "https://example.com/" + "a" * 2000, "https://[::1", "javascript:alert(1)", "https://example.com\\@127.0.0.1/", "https://example.com?@127.0.0.1/x#y",
]  # fmt: skip


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def strict() -> AsyncIterator[HttpEventSender]:
    """As in production, except that http is allowed, so that only the address is in the way."""
    sender = HttpEventSender(timeout_s=60, http_allowed=True)
    yield sender
    await sender.close()


def _port(receiver: Receiver) -> str:
    return receiver.url.split(":")[2].split("/")[0]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_this_machine_and_its_network_are_refused_in_every_spelling(
    strict: HttpEventSender, receiver: Receiver, spelling: str
) -> None:
    url = spelling.replace("PORT", _port(receiver))
    with pytest.raises(WebhookUrlRefused):
        await strict.check(url)
    answer = await strict.post(url, BODY, {})
    assert (answer.status, receiver.got) == (None, [])


@pytest.mark.parametrize("url", MALFORMED)
async def test_what_is_no_plain_address_is_refused(url: str) -> None:
    sender = HttpEventSender(timeout_s=60, resolver=StaticResolver({"example.com": [["93.184.216.34"]]}))
    with pytest.raises(WebhookUrlRefused):
        await sender.check(url)
    assert (await sender.post(url, BODY, {})).status is None
    await sender.close()


@pytest.mark.parametrize("url", ["https://example.com/", "https://example.com:8443/x?y=%20z", "https://EXAMPLE.com/"])
async def test_a_plain_public_address_passes(url: str) -> None:
    await HttpEventSender(timeout_s=60, resolver=StaticResolver({"example.com": [["93.184.216.34"]]})).check(url)


async def test_http_needs_a_setting() -> None:
    resolver = StaticResolver({"example.com": [["93.184.216.34"]]})
    with pytest.raises(WebhookUrlRefused, match="https://"):
        await HttpEventSender(timeout_s=60, resolver=resolver).check("http://example.com/")
    await HttpEventSender(timeout_s=60, http_allowed=True, resolver=resolver).check("http://example.com/")


async def test_a_name_that_leads_to_both_worlds_is_refused() -> None:
    sender = HttpEventSender(timeout_s=60, resolver=StaticResolver({"example.com": [["93.184.216.34", "10.0.0.1"]]}))
    with pytest.raises(WebhookUrlRefused, match="public internet"):
        await sender.check("https://example.com/")


async def test_names_of_the_internal_network_and_names_that_do_not_exist_are_answered_alike() -> None:
    resolver = StaticResolver({"inner.example": [["10.0.0.1"], ["10.0.0.1"]]})
    sender = HttpEventSender(timeout_s=3, resolver=resolver)
    refusals, results = [], []
    for name in ("inner.example", "nowhere.example"):
        with pytest.raises(WebhookUrlRefused) as refused:
            await sender.check(f"https://{name}/")
        refusals.append((refused.value.detail, refused.value.faults))
        results.append(await sender.post(f"https://{name}/", BODY, {}))
    await sender.close()
    assert refusals[0] == refusals[1]
    assert results[0] == results[1]


async def test_a_name_that_changes_its_mind_is_not_followed_inside(receiver: Receiver) -> None:
    resolver = StaticResolver({"rebind.example": [["93.184.216.34"], ["127.0.0.1"]]})
    sender = HttpEventSender(timeout_s=60, http_allowed=True, resolver=resolver)
    url = f"http://rebind.example:{_port(receiver)}/"
    await sender.check(url)
    answer = await sender.post(url, BODY, {})
    assert (answer.status, answer.error) == (None, "its host was not found on the public internet")
    assert receiver.got == []
    await sender.close()


async def test_networks_of_the_operator_are_reached_and_nothing_else_is_said(receiver: Receiver) -> None:
    sender = HttpEventSender(timeout_s=60, http_allowed=True, also_allowed=networks_of("127.0.0.1/32"))
    await sender.check(receiver.url)
    answer = await sender.post(receiver.url, BODY, {"webhook-id": "evt_1"})
    await sender.close()
    assert answer.is_taken
    [(headers, body)] = receiver.got
    assert body == BODY
    assert headers.keys() - {"Accept", "Accept-Encoding"} == {
        "Host",
        "Content-Type",
        "User-Agent",
        "Content-Length",
        "webhook-id",
    }
    assert headers["Content-Type"] == "application/json"


async def _answering(handler: object) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/"


async def test_redirects_are_not_followed_and_retry_after_is_read() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.method)
        return web.Response(status=307, headers={"Location": "/elsewhere", "Retry-After": "120"})

    runner, url = await _answering(handler)
    sender = HttpEventSender(timeout_s=60, http_allowed=True, also_allowed=networks_of("127.0.0.1/32"))
    answer = await sender.post(url, BODY, {})
    assert (answer.status, answer.is_taken, seen) == (307, False, ["POST"])
    assert answer.retry_after is not None
    assert answer.retry_after.total_seconds() == 120
    await sender.close()
    await runner.cleanup()


async def test_an_answer_without_end_is_hung_up_on() -> None:
    written = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
                written += 65536
        except ConnectionError:
            return response

    runner, url = await _answering(handler)
    sender = HttpEventSender(timeout_s=60, http_allowed=True, also_allowed=networks_of("127.0.0.1/32"))
    assert (await sender.post(url, BODY, {})).status == 200
    await sender.close()
    await runner.cleanup()
    assert written < 50_000_000


async def test_a_receiver_that_never_answers_or_talks_nonsense_is_an_answer() -> None:
    sender = HttpEventSender(timeout_s=0.3, http_allowed=True, also_allowed=networks_of("127.0.0.1/32"))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        answer = await sender.post(f"http://127.0.0.1:{silent.getsockname()[1]}/", BODY, {})
        closed = f"http://127.0.0.1:{silent.getsockname()[1]}/"
    assert (answer.status, answer.error) == (None, "no answer within 0.3 s")
    assert (await sender.post(closed, BODY, {})).error == "no connection could be made, or it was lost"
    await sender.close()
