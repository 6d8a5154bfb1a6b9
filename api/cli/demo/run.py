"""`carpool demo`: a whole morning in a minute; every offer, search and booking goes over HTTP."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import itertools
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import aiohttp
from aiohttp import web
from pydantic_core import to_json
from rich.console import Console
from rich.text import Text

from api.app import build_app
from api.app_keys import LIFETIME
from api.cli.console import StepProgress
from api.cli.demo.report import show_commands, show_links, show_search
from api.cli.demo.trip import Keys, Told, count_searches, give_up_old_bookings, play_trip, show_statistics
from api.cli.demo.world import OFFERS, Json, day_of_searches, offers, searches, tomorrow, zone_of_region
from api.cli.support import explain_bind_error, now
from api.process.server import Runner, url_of
from matcher.domain.errors.tree import PlacesTooClose, PlaceTooFarFromRoad, Unavailable
from matcher.domain.principal import Role
from matcher.roads.region.store import SAMPLE_NAME, sample_zones
from matcher.settings.all import Settings
from matcher.wiring.service import Carpool, running

#: The demo keeps to itself: its own database and region, below the data folder.
FOLDER = "demo"
_KEYS_LAST = timedelta(days=1)
_TRIES = 4 * OFFERS
_UNLUCKY = {PlaceTooFarFromRoad.code, PlacesTooClose.code}


@dataclass(frozen=True, slots=True)
class Service:
    """The running service, where it is reached, and the keys of those who use it."""

    carpool: Carpool
    url: str
    keys: Keys
    has_pages: bool


async def run_demo(settings: Settings, console: Console, *, once: bool) -> bool:
    """Serve, publish, search, book, count, print; unless `once`, stay up until SIGINT or SIGTERM. Whether anybody was
    matched.

    Offers are published under idempotency keys, so a second run on the same day finds them instead of adding more.
    """
    with StepProgress(console) as progress:
        async with _serving(_own(settings), console, progress) as service:
            async with aiohttp.ClientSession(service.url, middlewares=[_wait_when_told]) as http:
                matched = await _play(service, http, console, progress, once=once)
            if not once:
                console.print(
                    f"The service stays up at {service.url} (documentation: {service.url}/docs). Ctrl-C ends it."
                )
                await _until_told_to_stop()
    return matched


async def _play(
    service: Service, http: aiohttp.ClientSession, console: Console, progress: StepProgress, *, once: bool
) -> bool:
    zones = await asyncio.to_thread(sample_zones)
    zone = await asyncio.to_thread(zone_of_region, zones)
    day = tomorrow(now(), zone)
    published: list[tuple[Json, Json]] = []
    for body in itertools.islice(offers(day, zone), _TRIES):
        progress("publishing offers", len(published), OFFERS)
        offer = await _publish(http, service.keys.driver, body)
        if offer is not None:
            published.append((body, offer))
        if len(published) == OFFERS:
            break
    progress.end()
    console.print(f"{len(published)} offers for {day:%A %d %B %Y}, published at {service.url}", markup=False)

    await give_up_old_bookings(http, service.keys)
    counted = await count_searches(http, service.keys)
    answers: list[Json] = []
    asked = searches(day, zone)
    for number, search in enumerate(asked, 1):
        answer = await _search(http, service.keys.rider, search.body)
        answers.append(answer)
        show_search(console, number, search.title, search.body, answer)
    instant = {offer["id"]: body["instant_booking"] for body, offer in published}
    left = await play_trip(http, service.keys, console, answers, instant)
    await show_statistics(http, service.keys, console, counted + len(asked), day, zone)
    if not once:
        offer_id = await _a_free_offer(http, service.keys.driver, left)
        await _search_all_day(http, service.keys, day_of_searches(day, zone), counted, progress)
        show_commands(console, service.url, service.keys, published[0][0], offer_id, asked[0].body, left)
        if service.has_pages:
            show_links(console, service.url, service.keys, asked[0].body, published[0][0])
    return any(answer["matches"] for answer in answers)


async def _search_all_day(
    http: aiohttp.ClientSession, keys: Keys, bodies: list[Json], counted: int, progress: StepProgress
) -> None:
    """A day of searches for the statistics, unless they have one already; a place too far from a road is left out."""
    if counted >= len(bodies) // 2:
        return
    for number, body in enumerate(bodies):
        progress("searching as riders of a whole day do", number, len(bodies))
        await _post(http, "/v1/match", keys.rider, body, {})
    progress.end()


async def _publish(http: aiohttp.ClientSession, key: str, body: Json) -> Json | None:
    """The offer, or None when one of its places is too far from a road, or both are one: the draw was unlucky."""
    once = "demo-" + hashlib.sha256(to_json(body)).hexdigest()[:32]
    ok, answer = await _post(http, "/v1/offers", key, body, {"Idempotency-Key": once})
    if ok:
        return answer
    if answer.get("code") in _UNLUCKY:
        return None
    raise Unavailable(f"an offer was refused: {answer.get('detail')}")


async def _search(http: aiohttp.ClientSession, key: str, body: Json) -> Json:
    ok, answer = await _post(http, "/v1/match", key, body, {})
    if not ok:
        raise Unavailable(f"a search was refused: {answer.get('detail')}")
    return answer


async def _a_free_offer(http: aiohttp.ClientSession, key: str, left: Told) -> str:
    """An open offer without riders, which can be changed and cancelled."""
    spoken_for = {thing["offer_id"] for thing in (left.waiting, left.free_match) if thing is not None}
    headers = {"Authorization": f"Bearer {key}"}
    async with http.get("/v1/offers", params={"status": "OPEN", "limit": "100"}, headers=headers) as response:
        page: Json = await response.json()
    free = [offer for offer in page["offers"] if offer["seats_left"] == offer["seats"]]
    return next((str(offer["id"]) for offer in free if offer["id"] not in spoken_for), "no-offer-is-free")


async def _wait_when_told(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Retry calls that were rate limited, when Retry-After says: one user runs the demo again and again."""
    while (response := await handler(request)).status == web.HTTPTooManyRequests.status_code:
        response.release()
        await asyncio.sleep(int(response.headers["Retry-After"]))
    return response


async def _post(
    http: aiohttp.ClientSession, path: str, key: str, body: Json, headers: dict[str, str]
) -> tuple[bool, Json]:
    async with http.post(path, json=body, headers={"Authorization": f"Bearer {key}", **headers}) as response:
        return response.ok, await response.json()


def _own(settings: Settings) -> Settings:
    """The same settings on a database and a region of the demo's own."""
    return replace(
        settings,
        storage=settings.storage.embedded_below(FOLDER),
        roads=settings.roads.model_copy(update={"region": SAMPLE_NAME}),
    )


@asynccontextmanager
async def _serving(settings: Settings, console: Console, progress: StepProgress) -> AsyncIterator[Service]:
    """The service with two fresh keys, on the port of the settings, or on a free one when that is taken."""
    loaded: asyncio.Future[Carpool] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def context() -> AsyncIterator[Carpool]:
        async with running(settings, progress=progress) as carpool:
            loaded.set_result(carpool)
            yield carpool

    app = build_app(context(), settings.server)
    runner = Runner(app, grace_s=settings.server.shutdown_grace_s)
    try:
        await runner.setup()
        await _listen(runner, settings.server.host, settings.server.port, console)
        carpool = await _first(loaded, app[LIFETIME].ended())
        progress.end()
        made = [
            await carpool.manage_keys.create(f"demo-{role.value}", role, now(), _KEYS_LAST)
            for role in (Role.DRIVER, Role.RIDER, Role.OPS)
        ]
        try:
            keys = Keys(*(secret for secret, _ in made))
            yield Service(carpool, url_of(runner, settings.server.host), keys, settings.server.pages)
        finally:
            for _, key in made:
                await carpool.manage_keys.revoke(key.id, now())
    finally:
        await runner.cleanup()


async def _first(loaded: asyncio.Future[Carpool], ended: Coroutine[Any, Any, None]) -> Carpool:
    """The service once it is loaded. Raises what ended it before that."""
    end = asyncio.ensure_future(ended)
    try:
        either: set[asyncio.Future[Any]] = {end, loaded}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if end.done():
            end.result()
        return await loaded
    finally:
        end.cancel()


async def _listen(runner: web.AppRunner, host: str, port: int, console: Console) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise explain_bind_error(error, host, port) from error
        console.print(Text(f"Port {port} is in use; taking a free one.", style="yellow"))
        await web.TCPSite(runner, host, 0).start()


async def _until_told_to_stop() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()
