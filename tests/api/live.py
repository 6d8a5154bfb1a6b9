"""A running service and a caller of it, as the tests of the HTTP edge use them."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web
from multidict import CIMultiDictProxy
from pydantic import SecretStr

from api.app import build_app
from api.app_keys import LIFETIME
from api.process.server import Runner, url_of
from api.watching.metrics import PrometheusTelemetry
from matcher.domain.principal import Role
from matcher.settings.all import Settings
from matcher.settings.events import EventSettings
from matcher.settings.matching import CostSettings, MatchingSettings
from matcher.settings.people import KeySettings
from matcher.settings.roads import GeocodingSettings, RoadSettings
from matcher.settings.server import ServerSettings
from matcher.settings.storage import StorageSettings
from matcher.settings.trips import OfferSettings, SeriesSettings
from matcher.wiring.service import Carpool, running

#: Read from the environment once, outside of any event loop.
SERVER = ServerSettings()
#: Receivers of webhooks are on this machine, and nobody waits long for a test.
EVENTS = EventSettings(
    heartbeat_s=0.5,
    webhook_http_allowed=True,
    webhook_allowed_networks="127.0.0.1/32",
    webhook_timeout_s=20,
    webhook_pauses_s="0.05,0.1",
)
#: Its clocks are put back in April, which is among the days that tests draw.
SANTIAGO = ZoneInfo("America/Santiago")
TONGOY_ROAD = {"lat": -29.953, "lon": -71.338}
LA_SERENA = {"lat": -29.9045, "lon": -71.2489}
#: On the way from one to the other.
HALF_WAY = {"lat": -29.93, "lon": -71.27}

_users = itertools.count(1)
# Beyond the days for which the trips of series are made, on which those of other tests are driven.
_days = itertools.count(SeriesSettings().series_ahead_days)


def next_week(hour: int, minute: int = 0) -> datetime:
    """A moment in the coming week, in the region's offset."""
    return (datetime.now(SANTIAGO) + timedelta(days=7)).replace(hour=hour, minute=minute, second=0, microsecond=0)


def morning() -> datetime:
    """When `an_offer` leaves."""
    return next_week(7, 45)


def quiet_morning() -> datetime:
    """07:45 on a day of its own, on which nobody else's offers crowd the answers."""
    return morning() + timedelta(days=next(_days))


def around(moment: datetime) -> dict[str, str]:
    """A window of half an hour before and after."""
    half = timedelta(minutes=30)
    return {"earliest": (moment - half).isoformat(), "latest": (moment + half).isoformat()}


def an_offer(**changes: Any) -> dict[str, Any]:
    """The body of a trip along the bay; a change to None leaves the key out."""
    body: dict[str, Any] = {
        "origin": TONGOY_ROAD,
        "destination": LA_SERENA,
        "departure": morning().isoformat(),
        "seats": 3,
        "max_detour_s": 900,
    }
    return {key: value for key, value in (body | changes).items() if value is not None}


def a_search(**changes: Any) -> dict[str, Any]:
    """The body of a search that `an_offer` fits; a change to None leaves the key out."""
    body: dict[str, Any] = {
        "origin": {"lat": -29.95, "lon": -71.337},
        "destination": {"lat": -29.91, "lon": -71.252},
        "departure": around(morning()),
    }
    return {key: value for key, value in (body | changes).items() if value is not None}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    def problem(self) -> dict[str, Any]:
        """The body as a problem document that keeps the promises all of them make."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        document: dict[str, Any] = self.json
        assert document["status"] == self.status
        assert document["request_id"] == self.headers["X-Request-Id"]
        assert {"type", "title", "detail", "code"} <= document.keys()
        assert self.headers["Cache-Control"] == "no-store"
        return document


@dataclass
class Live:
    """A service that listens, and the means to call it."""

    url: str
    app: web.Application
    client: aiohttp.ClientSession
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def carpool(self) -> Carpool:
        """The service behind the socket."""
        return self.app[LIFETIME].carpool

    async def key(self, role: Role | str, user: str | None = None, *, acts_as: Iterable[Role] = ()) -> str:
        """A new key; of a user of its own unless one is named. A partner's may act for others."""
        name = f"user-{next(_users)}" if user is None else user
        token, _ = await self.carpool.manage_keys.create(name, Role(role), datetime.now(UTC), None, frozenset(acts_as))
        return token

    async def call(
        self, method: str, path: str, token: str | None = None, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Answer:
        """One request. `json=` or `data=` is its body."""
        all_headers = dict(headers or {})
        if token is not None:
            all_headers["Authorization"] = f"Bearer {token}"
        async with self.client.request(method, self.url + path, headers=all_headers, **more) as response:
            return Answer(response.status, response.headers, await response.read())

    async def published(self, token: str, *, user: str | None = None, **changes: Any) -> dict[str, Any]:
        """The answer to a trip that was published, by the key's own user or the one acted for."""
        headers = {} if user is None else {"X-On-Behalf-Of": user}
        answer = await self.call("POST", "/v1/offers", token, json=an_offer(**changes), headers=headers)
        assert answer.status == 201, answer.body
        offer: dict[str, Any] = answer.json
        return offer

    async def raw(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        """Bytes that no client library would send, and the answer to them."""
        host, port = self.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(data)
            await writer.drain()
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).decode("latin1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await asyncio.wait_for(reader.readexactly(int(headers.get("content-length", "0"))), 60)
            return int(head[0].split()[1]), headers, body
        finally:
            writer.close()


def settings_for(data_dir: Path, database_url: str) -> Settings:
    """Settings of a service on this database, independent of the environment."""
    return Settings(
        server=SERVER,
        storage=StorageSettings(data_dir=data_dir, database_url=SecretStr(database_url), database_timeout_s=20.0),
        roads=RoadSettings(public_point_spacing_m=0),
        matching=MatchingSettings(threads=2),
        offers=OfferSettings(),
        keys=KeySettings(),
        geocoding=GeocodingSettings(),
        events=EVENTS,
        cost=CostSettings(cost_per_km=Decimal("0.30"), cost_currency="EUR", cost_source="a test"),
    )


@asynccontextmanager
async def serving(app: web.Application, *, grace_s: float = 10.0) -> AsyncIterator[Live]:
    """The application on a free port of this machine."""
    runner = Runner(app, grace_s=grace_s)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as client:
            yield Live(url_of(runner, "127.0.0.1"), app, client)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def live_service(settings: Settings) -> AsyncIterator[Live]:
    """A service that has been loaded and is ready."""
    telemetry = PrometheusTelemetry()
    app = build_app(
        running(settings, telemetry=telemetry),
        settings.server,
        protection=settings.protection,
        watch=settings.watch,
        telemetry=telemetry,
    )
    async with serving(app) as live:
        await ready(live)
        yield live


async def ready(live: Live) -> None:
    """Wait until the service is there. Raises what keeps it from coming."""
    ended = asyncio.ensure_future(live.app[LIFETIME].ended())
    try:
        while (await live.call("GET", "/readyz")).status != 200:
            await asyncio.wait([ended], timeout=0.1)
            if ended.done():
                ended.result()
    finally:
        ended.cancel()
