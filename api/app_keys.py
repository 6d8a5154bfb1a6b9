"""What the application and each request carry, by typed key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from api.browsers import Browsers
from api.event_streams import Streams
from api.lifetime import Lifetime
from api.pages.map_tiles import MapTiles
from api.traffic import Traffic
from api.watching.line_quota import LineQuota
from api.watching.metrics import PrometheusTelemetry
from api.watching.tracing import Tracing
from matcher.settings.protection import ProtectionSettings
from matcher.settings.server import WatchSettings

LIFETIME = web.AppKey("lifetime", Lifetime)
#: What time it is, in UTC; tests put another clock here.
CLOCK: web.AppKey[Callable[[], datetime]] = web.AppKey("clock", Callable[[], datetime])  # type: ignore[arg-type]
TRAFFIC = web.AppKey("traffic", Traffic)
METRICS = web.AppKey("metrics", PrometheusTelemetry)
#: None unless tracing is switched on.
TRACING: web.AppKey[Tracing | None] = web.AppKey("tracing", Tracing)
PROTECTION = web.AppKey("protection", ProtectionSettings)
WATCH = web.AppKey("watch", WatchSettings)
#: For the lines of calls that were refused to keep the others fast.
REFUSAL_LINES = web.AppKey("refusal_lines", LineQuota)
BROWSERS = web.AppKey("browsers", Browsers)
STREAMS = web.AppKey("streams", Streams)
#: There when the pages are served.
TILES = web.AppKey("tiles", MapTiles)
OPENAPI = web.AppKey("openapi", bytes)

REQUEST_ID = web.RequestKey("request_id", str)
#: Where the call comes from, as far as it is counted by that; empty for this machine.
ADDRESS = web.RequestKey("address", str)
#: time.perf_counter() when a streamed answer began: its length does not make the call a slow one.
STREAMING_SINCE = web.RequestKey("streaming_since", float)
