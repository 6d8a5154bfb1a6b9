"""The application: routes, middlewares, start-up and clean-up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from aiohttp import web
from pydantic_core import to_json

from api.app_keys import (
    BROWSERS,
    CLOCK,
    LIFETIME,
    METRICS,
    OPENAPI,
    PROTECTION,
    REFUSAL_LINES,
    STREAMS,
    TRACING,
    TRAFFIC,
    WATCH,
)
from api.browsers import Browsers
from api.call.middlewares import access_log, count_calls, guard_address, meet_expectation, problems, request_ids
from api.call.rate_limits import LIMITS, Limits
from api.event_streams import Streams
from api.handlers.health import VERSION
from api.lifetime import Lifetime
from api.openapi import openapi_document
from api.pages.mount import ROWS as PAGE_ROWS
from api.pages.mount import mount_pages
from api.routes import ROUTES
from api.traffic import Traffic
from api.watching.line_quota import LineQuota
from api.watching.metrics import PrometheusTelemetry, Refresher
from api.watching.tracing import Tracing
from matcher.operation.telemetry import HTTP_IN_PROGRESS, STREAMS_OPEN, Reading
from matcher.settings.protection import ProtectionSettings
from matcher.settings.server import ServerSettings, WatchSettings
from matcher.wall_clock import utc_now
from matcher.wiring.service import Carpool

_PROTECTION, _WATCH = ProtectionSettings.default(), WatchSettings.default()

#: Log lines per second for calls that are shed under load; a line costs a third of such a refusal.
REFUSAL_LINES_A_SECOND = 10


def build_app(
    context: AbstractAsyncContextManager[Carpool],
    server: ServerSettings,
    *,
    clock: Callable[[], datetime] = utc_now,
    protection: ProtectionSettings = _PROTECTION,
    watch: WatchSettings = _WATCH,
    telemetry: PrometheusTelemetry | None = None,
    tracing: Tracing | None = None,
) -> web.Application:
    """The application around a service that it enters at start-up, in the background, and leaves at clean-up.

    So it answers from the first moment: /healthz with 200, /readyz and every call with 503 until the service is there.
    """
    app = web.Application(
        middlewares=[request_ids, access_log, problems, count_calls, guard_address],
        client_max_size=server.max_body_bytes,
    )
    app[LIFETIME] = Lifetime(context)
    metrics = app[METRICS] = PrometheusTelemetry() if telemetry is None else telemetry
    app[TRACING] = tracing
    app[PROTECTION], app[WATCH] = protection, watch
    app[REFUSAL_LINES] = LineQuota(REFUSAL_LINES_A_SECOND)
    app[LIMITS] = Limits(protection, metrics)
    app[BROWSERS] = Browsers(protection.origins, hsts_s=protection.hsts_s)
    app[STREAMS] = Streams()
    app.on_shutdown.append(app[STREAMS].stop)
    app[TRAFFIC] = Traffic(server.max_in_flight, server.calls_at_once, metrics)
    app[CLOCK] = clock
    app[OPENAPI] = to_json(openapi_document(ROUTES, VERSION))
    if server.pages:
        mount_pages(app)
    for route in (*ROUTES, *(PAGE_ROWS if server.pages else ())):
        app.router.add_route(route.method, route.path, route.endpoint, expect_handler=meet_expectation)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, route.endpoint, expect_handler=meet_expectation)
    app.cleanup_ctx.append(app[LIFETIME].run)
    app.cleanup_ctx.append(_refreshed_metrics)
    return app


async def _refreshed_metrics(app: web.Application) -> AsyncIterator[None]:
    """Numbers that parts have are asked for while the service is there."""

    async def refresh() -> None:
        await app[LIFETIME].loaded()
        traffic, streams = app[TRAFFIC], app[STREAMS]
        readings = [
            Reading(HTTP_IN_PROGRESS, lambda: traffic.working),
            Reading(STREAMS_OPEN, lambda: len(streams)),
            *app[LIFETIME].carpool.operation.readings,
        ]
        await Refresher(app[METRICS], readings).run()

    task = asyncio.create_task(refresh(), name="metrics")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
