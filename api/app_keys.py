"""What the application and each request carry, by typed key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from api.lifetime import Lifetime

LIFETIME = web.AppKey("lifetime", Lifetime)
#: What time it is, in UTC; tests put another clock here.
CLOCK: web.AppKey[Callable[[], datetime]] = web.AppKey("clock", Callable[[], datetime])  # type: ignore[arg-type]
OPENAPI = web.AppKey("openapi", bytes)

REQUEST_ID = web.RequestKey("request_id", str)
