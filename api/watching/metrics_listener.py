"""A listener for metrics alone, on an address that only operators reach: it asks for no key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import hdrs, web

from api.watching.metrics import Render
from matcher.domain.errors.tree import Unavailable
from matcher.settings.server import WatchSettings

_log = structlog.get_logger("api")


@asynccontextmanager
async def metrics_listener(watch: WatchSettings, render: Render) -> AsyncIterator[int | None]:
    """Serve /metrics on the configured port while the block runs, and yield the port; None without one.

    Raises Unavailable when the port cannot be had.
    """
    if watch.metrics_port is None:
        yield None
        return

    async def metrics(request: web.Request) -> web.Response:
        return await metrics_response(request, render)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, watch.metrics_host, watch.metrics_port).start()
        except OSError as error:
            where = f"port {watch.metrics_port} of {watch.metrics_host}"
            raise Unavailable(f"{where} cannot be had for metrics: choose another with CARPOOL_METRICS_PORT") from error
        port: int = runner.addresses[0][1]
        _log.info("metrics", host=watch.metrics_host, port=port)
        yield port
    finally:
        await runner.cleanup()


async def metrics_response(request: web.Request, render: Render) -> web.Response:
    """All metrics, in the form that the caller prefers."""
    body, media_type = await render(request.headers.get(hdrs.ACCEPT, ""))
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: media_type})
