"""The application of one serving process, with all that the settings say of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from api.app import build_app
from api.app_keys import TRACING
from api.watching.metrics import PrometheusTelemetry
from api.watching.service_log import running_and_logged
from api.watching.tracing import make_tracing
from matcher.settings.all import Settings
from matcher.version import version


def app_of(chosen: Settings, telemetry: PrometheusTelemetry, *, worker: int = 1) -> web.Application:
    """The application; its service loads at start-up. Raises SettingsInvalid when traces are set but not installed."""
    app = build_app(
        running_and_logged(chosen, worker=worker, telemetry=telemetry),
        chosen.server,
        protection=chosen.protection,
        watch=chosen.watch,
        telemetry=telemetry,
        tracing=make_tracing(version(), worker) if chosen.watch.traces else None,
    )
    app.cleanup_ctx.append(_traces_sent)
    return app


async def _traces_sent(app: web.Application) -> AsyncIterator[None]:
    """At the end, traces that have not been sent are."""
    yield
    if (tracing := app[TRACING]) is not None:
        await asyncio.to_thread(tracing.close)
