"""Liveness and readiness for orchestrators, and the entry page."""

from __future__ import annotations

from aiohttp import web

from api.app_keys import LIFETIME, METRICS, TILES, TRAFFIC
from api.call.endpoint import Call
from api.call.media_types import best_of
from api.call.rendering import JSON_TYPE, json_response
from api.schemas.service import AliveOut, EntranceOut, Nothing, ReadyOut
from api.watching.metrics_listener import metrics_response
from matcher.domain.errors.tree import NotReady
from matcher.version import version

RETRY_AFTER_S = 2


#: Read once, when the module is imported: it is on disk.
VERSION = version()


async def healthz(_request: web.Request) -> web.Response:
    """Check that the process is alive. The database is not checked, as a restart would not help it."""
    return json_response(AliveOut(status="alive"))


async def readyz(request: web.Request) -> web.Response:
    """Check that calls can be answered: 503 until the roads, the offers and the database are available."""
    if request.app[TRAFFIC].draining:
        stopping = ReadyOut(ready=False, checks={"service": "stopping"}, version=VERSION)
        return json_response(stopping, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    try:
        health = await request.app[LIFETIME].carpool.check_health()
    except NotReady:
        starting = ReadyOut(ready=False, checks={"service": "starting"}, version=VERSION)
        return json_response(starting, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    answer = ReadyOut(
        ready=health.ready,
        checks=dict(health.checks),
        region=health.region,
        offers=health.offers,
        version=health.version,
        worker=health.worker,
    )
    if health.ready:
        return json_response(answer)
    return json_response(answer, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})


async def entrance(request: web.Request) -> web.Response:
    """Name the service and link its documentation. Browsers are redirected to the web pages, where these are served."""
    headers = {"Vary": "Accept"}
    if TILES in request.app and best_of(request, (JSON_TYPE, "text/html")) == "text/html":
        return web.Response(status=302, headers={**headers, "Location": "/ride"})
    about = EntranceOut(name="carpool-matcher", version=VERSION, docs="/docs", openapi="/openapi.json")
    return json_response(about, headers=headers)


async def metrics(call: Call[Nothing, Nothing]) -> web.Response:
    """Read the metrics of all workers, in the Prometheus format."""
    return await metrics_response(call.request, call.request.app[METRICS].render)
