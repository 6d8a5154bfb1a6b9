"""A geocoding service on 127.0.0.1 that speaks Nominatim's, Photon's, Pelias' and BAN's JSON, and fails on demand.

It knows the houses and streets of the two towns that the gazetteer's tests use, and finds a place when its label has
every word asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from matcher.domain.place import BoundingBox, Coordinate
from matcher.geocoding.network.backoff import Backoff
from matcher.geocoding.network.geocoder import Access, NetworkGeocoder
from matcher.geocoding.network.providers import PROVIDERS
from matcher.geocoding.words.abbreviations import expand
from matcher.geocoding.words.text import words
from tests.unit.geocoding.town import ROWS

KINDS = tuple(PROVIDERS)
QUICK = Backoff(attempts=3, base_s=0.001, cap_s=0.002, patience_s=60.0)

Row = dict[str, Any]
Script = Callable[[web.Request], Awaitable[web.StreamResponse]]


def label_of(row: Row) -> str:
    return ", ".join(part for part in (row["name"], row.get("city"), "Chile") if part)


@dataclass
class Provider:
    """The running service. `scripts` are answered first, one a call; `asked` keeps every request."""

    kind: str
    domain: str = ""
    asked: list[web.Request] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.scripts:
                return await self.scripts.pop(0)(request)
            return (
                self._search(request) if "search" in request.path or request.path == "/api" else self._reverse(request)
            )
        finally:
            self.under_way -= 1

    def _search(self, request: web.Request) -> web.Response:
        typed = set(expand(words(request.query.get("q", request.query.get("text", "")))))
        found = [row for row in ROWS if typed and typed <= set(expand(words(label_of(row))))]
        return web.json_response(self._render(found[: int(request.query.get("limit", "10"))], one=False))

    def _reverse(self, request: web.Request) -> web.Response:
        lat = request.query.get("lat", request.query.get("point.lat"))
        lon = request.query.get("lon", request.query.get("point.lon"))
        assert lat is not None
        assert lon is not None
        here = Coordinate(lat=float(lat), lon=float(lon))
        gaps = [(here.distance_m(Coordinate(lat=row["lat"], lon=row["lon"])), i) for i, row in enumerate(ROWS)]
        gap_m, nearest = min(gaps)
        return web.json_response(self._render([ROWS[nearest]] if gap_m < 1_000 else [], one=True))

    def _render(self, rows: list[Row], *, one: bool) -> Any:
        if self.kind == "nominatim":
            results = [_nominatim(row) for row in rows]
            return (results[0] if results else {"error": "Unable to geocode"}) if one else results
        shape = {"photon": _photon, "pelias": _pelias, "banfrance": _ban}[self.kind]
        features = [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
                "properties": shape(row),
            }
            for row in rows
        ]
        return {"type": "FeatureCollection", "features": features}


def _nominatim(row: Row) -> Row:
    address = {"road": row.get("street", row["name"]), "house_number": row.get("housenumber"), "city": row.get("city")}
    return {
        "lat": str(row["lat"]),
        "lon": str(row["lon"]),
        "display_name": label_of(row),
        "class": "highway" if row["kind"] == "street" else "place",
        "importance": 0.4,
        "address": {key: value for key, value in address.items() if value is not None},
    }


def _photon(row: Row) -> Row:
    told = {
        "name": None if row["kind"] == "address" else row["name"],
        "street": row.get("street"),
        "city": row.get("city"),
    }
    told |= {"housenumber": row.get("housenumber"), "osm_key": "highway" if row["kind"] == "street" else "place"}
    return {key: value for key, value in told.items() if value is not None} | {"country": "Chile"}


def _pelias(row: Row) -> Row:
    layer = {"street": "street", "address": "address", "place": "locality", "poi": "venue"}[row["kind"]]
    return {"name": row["name"], "label": label_of(row), "layer": layer, "confidence": 0.9}


def _ban(row: Row) -> Row:
    kind = {"street": "street", "address": "housenumber", "place": "municipality", "poi": "locality"}[row["kind"]]
    return {"label": label_of(row), "type": kind, "score": 0.9}


# --- failures on demand
# -------------------------------------------------------------------------------------------------


def status(code: int, body: str = "no", **headers: str) -> Script:
    async def script(_: web.Request) -> web.StreamResponse:
        return web.Response(
            status=code, text=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return script


def body(text: str, content_type: str = "application/json") -> Script:
    async def script(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=content_type)

    return script


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def a_provider(kind: str) -> AsyncIterator[Provider]:
    """The service, listening."""
    provider = Provider(kind)
    app = web.Application()
    app.router.add_get("/{path:.*}", provider.answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    provider.domain = f"127.0.0.1:{server.port}"
    yield provider
    await server.close()


@asynccontextmanager
async def a_geocoder_of(
    provider: Provider, *, box: BoundingBox | None = None, **settings: Any
) -> AsyncIterator[NetworkGeocoder]:
    """Our geocoder for the service, closed afterwards."""
    defaults: dict[str, Any] = {"user_agent": "carpool-matcher-tests", "timeout_s": 60.0, "backoff": QUICK}
    access = Access(domain=provider.domain, scheme="http", **(defaults | settings))
    geocoder = NetworkGeocoder(PROVIDERS[provider.kind], access, box)
    yield geocoder
    await geocoder.close()
