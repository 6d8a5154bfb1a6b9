"""What the application and each request carry, by typed key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from api.lifetime import Lifetime
from api.traffic import Traffic

LIFETIME = web.AppKey("lifetime", Lifetime)
#: What time it is, in UTC; tests put another clock here.
CLOCK: web.AppKey[Callable[[], datetime]] = web.AppKey("clock", Callable[[], datetime])  # type: ignore[arg-type]
TRAFFIC = web.AppKey("traffic", Traffic)
OPENAPI = web.AppKey("openapi", bytes)

REQUEST_ID = web.RequestKey("request_id", str)
