"""The application: routes, middlewares, start-up and clean-up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from aiohttp import web
from pydantic_core import to_json

from api.app_keys import CLOCK, LIFETIME, OPENAPI, TRAFFIC
from api.handlers.health import VERSION
from api.lifetime import Lifetime
from api.middlewares import access_log, limit_in_flight, meet_expectation, problems, request_ids
from api.openapi import openapi_document
from api.routes import ROUTES
from api.traffic import Traffic
from matcher.bootstrap import Carpool
from matcher.settings import ServerSettings


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def build_app(
    context: AbstractAsyncContextManager[Carpool],
    server: ServerSettings,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> web.Application:
    """The application around a service that it enters at start-up, in the background, and leaves at clean-up.

    So it answers from the first moment: /healthz with 200, /readyz and every call with 503 until the service is there.
    """
    app = web.Application(
        middlewares=[request_ids, access_log, problems, limit_in_flight],
        client_max_size=server.max_body_bytes,
    )
    app[LIFETIME] = Lifetime(context)
    app[TRAFFIC] = Traffic(server.max_in_flight)
    app[CLOCK] = clock
    app[OPENAPI] = to_json(openapi_document(ROUTES, VERSION))
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.endpoint, expect_handler=meet_expectation)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, route.endpoint, expect_handler=meet_expectation)
    app.cleanup_ctx.append(app[LIFETIME].run)
    return app
