"""`carpool demo`: a whole morning in a minute; every offer, search and booking goes over HTTP."""

from __future__ import annotations

import asyncio
import errno
import itertools
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import aiohttp
from aiohttp import web
from rich.console import Console
from rich.text import Text

from api.app import build_app
from api.app_keys import LIFETIME
from api.cli.console import StepProgress
from api.cli.demo.backdrop import paint_backdrop, publish
from api.cli.demo.report import Told, show_commands, show_links, show_search
from api.cli.demo.trip import count_searches, give_up_old_bookings, play_trip, show_statistics
from api.cli.demo.users import Keys, Users, call, session
from api.cli.demo.world import OFFERS, Json, offers, searches, tomorrow, zone_of_region
from api.cli.support import explain_bind_error
from api.process.server import Runner, first_of, url_of
from matcher.domain.principal import Role
from matcher.roads.region.store import SAMPLE_NAME, sample_zones
from matcher.settings.all import Settings
from matcher.settings.matching import CostSettings
from matcher.wall_clock import utc_now
from matcher.wiring.service import running

#: The demo keeps to itself: its own database and region, below the data folder.
FOLDER = "demo"
_KEYS_LAST = timedelta(days=1)
_TRIES = 4 * OFFERS
#: No official rate is known for the sample region's country.
_ASSUMED_COST = CostSettings(
    cost_per_km=Decimal(90),
    cost_currency="CLP",
    cost_source="assumed for the demo: 7 l of petrol for 100 km, at 1,300 pesos a litre",
)


async def run_demo(settings: Settings, console: Console, *, once: bool) -> bool:
    """Serve, publish, search, book, count, print; unless `once`, stay up until SIGINT or SIGTERM. Whether anybody was
    matched.

    Offers are published under idempotency keys, so a second run on the same day finds them instead of adding more.
    """
    with StepProgress(console) as progress:
        async with _serving(_own(settings), console, progress) as (url, keys):
            async with (
                session(url, keys.driver) as driver,
                session(url, keys.rider) as rider,
                session(url, keys.ops) as ops,
            ):
                matched = await _play(
                    url, keys, Users(driver, rider, ops), console, progress, once=once, pages=settings.server.pages
                )
            if not once:
                console.print(f"The service stays up at {url} (documentation: {url}/docs). Ctrl-C ends it.")
                await _until_told_to_stop()
    return matched


async def _play(
    url: str, keys: Keys, users: Users, console: Console, progress: StepProgress, *, once: bool, pages: bool
) -> bool:
    zones = await asyncio.to_thread(sample_zones)
    zone = await asyncio.to_thread(zone_of_region, zones)
    day = tomorrow(utc_now(), zone)
    published: list[tuple[Json, Json]] = []
    for body in itertools.islice(offers(day, zone), _TRIES):
        progress("publishing offers", len(published), OFFERS)
        offer = await publish(users.driver, body)
        if "id" in offer:
            published.append((body, offer))
        if len(published) == OFFERS:
            break
    progress.end()
    console.print(f"{len(published)} offers for {day:%A %d %B %Y}, published at {url}", markup=False)

    await give_up_old_bookings(users.rider)
    counted = await count_searches(users.ops)
    answers: list[Json] = []
    asked = searches(day, zone)
    for number, search in enumerate(asked, 1):
        answers.append(await call(users.rider, "POST", "/v1/match", json=search.body))
        show_search(console, number, search.title, search.body, answers[-1])
    instant = {offer["id"]: body["instant_booking"] for body, offer in published}
    left = await play_trip(users, console, answers, instant)
    await show_statistics(users.ops, console, counted + len(asked), day, zone)
    if not once:
        offer_id = await _a_free_offer(users.driver, left)
        morning = [body for body, _ in published]
        await paint_backdrop(users, morning, asked[0].body, day, zone, counted, progress)
        show_commands(console, url, keys, published[0][0], offer_id, asked[0].body, left)
        if pages:
            show_links(console, url, keys, asked[0].body, published[0][0])
    return any(answer["matches"] for answer in answers)


async def _a_free_offer(driver: aiohttp.ClientSession, left: Told) -> str:
    """An open offer without riders, which can be changed and cancelled."""
    spoken_for = {thing["offer_id"] for thing in (left.waiting, left.free_match) if thing is not None}
    page = await call(driver, "GET", "/v1/offers", params={"status": "OPEN", "limit": "100"})
    free = [offer["id"] for offer in page["offers"] if offer["seats_left"] == offer["seats"]]
    return next((str(offer_id) for offer_id in free if offer_id not in spoken_for), "no-offer-is-free")


def _own(settings: Settings) -> Settings:
    """The same settings on a database and a region of the demo's own, with a cost of driving where none is set."""
    return replace(
        settings,
        cost=_ASSUMED_COST if settings.cost.cost_per_km is None else settings.cost,
        storage=settings.storage.embedded_below(FOLDER),
        roads=settings.roads.model_copy(update={"region": SAMPLE_NAME}),
    )


@asynccontextmanager
async def _serving(settings: Settings, console: Console, progress: StepProgress) -> AsyncIterator[tuple[str, Keys]]:
    """The URL of the service, on the port of the settings or a free one when that is taken, and fresh keys."""
    app = build_app(running(settings, progress=progress), settings.server)
    runner = Runner(app, grace_s=settings.server.shutdown_grace_s)
    try:
        await runner.setup()
        await _listen(runner, settings.server.host, settings.server.port, console)
        await first_of(app[LIFETIME].loaded(), app[LIFETIME].ended())
        progress.end()
        manage_keys = app[LIFETIME].carpool.manage_keys
        made = [
            await manage_keys.create(f"demo-{role.value}", role, utc_now(), _KEYS_LAST)
            for role in (Role.DRIVER, Role.RIDER, Role.OPS)
        ]
        try:
            yield url_of(runner, settings.server.host), Keys(*(secret for secret, _ in made))
        finally:
            for _, key in made:
                await manage_keys.revoke(key.id, utc_now())
    finally:
        await runner.cleanup()


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
