"""Middlewares, outermost first: request id, log line, problem documents, limits on calls in flight and per address."""

from __future__ import annotations

import re
import time
import traceback
import zlib
from http import HTTPStatus
from uuid import uuid4

import structlog
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler

from api.app_keys import (
    ADDRESS,
    BROWSERS,
    LIFETIME,
    METRICS,
    PROTECTION,
    REFUSAL_LINES,
    REQUEST_ID,
    STREAMING_SINCE,
    TRACING,
    TRAFFIC,
    WATCH,
)
from api.call.client_address import client_address
from api.call.endpoint import HEALTH
from api.call.errors import ExpectationFailed, InternalError, from_http, problem_response
from api.call.rate_limits import LIMITS, VERDICT, rate_headers
from matcher.domain.errors.tree import CarpoolError, Overloaded, Unauthenticated
from matcher.operation.telemetry import HTTP_REQUEST, SHED, STREAM

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", re.ASCII)
#: Health is always answered, and streams have limits of their own: they last for hours and work for moments.
_UNCOUNTED = {*HEALTH, "/v1/events"}
#: What connections beyond the limit are kept free for.
RESERVED = {*HEALTH, "/metrics"}
#: Refused because there is too much to do, or because something is away: there may be hundreds a second.
_REFUSALS = {429, 503}
#: How a call is counted whose caller went away; never sent.
_GONE = 499
#: For answers that are no pages: nothing may be loaded by them, and nobody may show them in a frame.
_POLICY = "default-src 'none'; frame-ancestors 'none'"

_UNLESS_SAID = {"Cache-Control", "Referrer-Policy", "Content-Security-Policy"}

_log = structlog.get_logger("api")


def request_id_of(given: str | None) -> str:
    """The caller's own X-Request-Id when it is harmless in a log line, or a new one."""
    return given if given is not None and _SANE_ID.fullmatch(given) else uuid4().hex


def common_headers(request_id: str) -> dict[str, str]:
    """What every answer carries."""
    return {
        "X-Request-Id": request_id,
        "X-Content-Type-Options": "nosniff",
        "Server": "carpool",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": _POLICY,
    }


def harden(response: web.StreamResponse, request_id: str) -> None:
    """The headers that every answer carries; answers are private unless they say otherwise."""
    headers = response.headers
    for name, value in common_headers(request_id).items():
        if name in _UNLESS_SAID:
            headers.setdefault(name, value)
        else:
            headers[name] = value


@web.middleware
async def request_ids(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id, and the answer its common headers."""
    request[REQUEST_ID] = request_id_of(request.headers.get("X-Request-Id"))
    browsers = request.app[BROWSERS]
    response: web.StreamResponse | None = browsers.preflight(request)
    if response is None:
        with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
            response = await handler(request)
    harden(response, request[REQUEST_ID])
    browsers.mark(request, response)
    verdict = request.get(VERDICT)
    if verdict is not None:
        response.headers.update(rate_headers(verdict))
    if request.app[TRAFFIC].draining or _is_reserved(request):
        response.force_close()
    return response


def _is_reserved(request: web.Request) -> bool:
    """Whether the connection is one of those beyond the limit (api/process/slow_clients.py)."""
    return bool(getattr(request.protocol, "is_reserved", False))


@web.middleware
async def access_log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One line a request: the route's template and never its values, as those may be addresses and coordinates."""
    started, app = time.perf_counter(), request.app
    resource = request.match_info.route.resource
    route = "unmatched" if resource is None else resource.canonical
    method = request.method if request.method in hdrs.METH_ALL else "other"
    status, tracing = _GONE, app[TRACING]
    try:
        if tracing is None:
            response = await handler(request)
        else:
            with tracing.call(request, route) as span:
                response = await handler(request)
                tracing.answered(span, response.status)
        status = response.status
        return response
    finally:
        ended = time.perf_counter()
        streaming_since = request.get(STREAMING_SINCE)
        if streaming_since is not None:
            # It was answered when it began, whoever ended it.
            app[METRICS].observe(STREAM, ended - streaming_since)
            ended, status = streaming_since, 200
        took_s = ended - started
        app[METRICS].observe(HTTP_REQUEST, took_s, method, route, str(status))
        if status >= 400 or _in_sample(request[REQUEST_ID], app[WATCH].log_sample):
            left_out = app[REFUSAL_LINES].take(ended) if status in _REFUSALS else 0
            if left_out is not None:
                log = _log.debug if route in HEALTH else _log.info
                more = {"left_out": left_out} if left_out else {}
                log("request", method=method, route=route, status=status, took_ms=round(took_s * 1000, 2), **more)


def _in_sample(request_id: str, share: float) -> bool:
    """The same for every process that sees the id, so that the lines of one call are there together or not at all."""
    return share >= 1 or zlib.crc32(request_id.encode()) < share * 2**32


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong is answered with a problem document; what we did not foresee is logged and not told."""
    try:
        return await handler(request)
    except CarpoolError as error:
        response = problem_response(request, error)
    except web.HTTPMethodNotAllowed as error:
        response = _method_not_allowed(request, error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = problem_response(request, from_http(error))
    except Exception as error:  # noqa: BLE001  # the last place where it can be turned into an answer
        response = internal_error(request, error)
    if request.content.exception() is not None or response.status == HTTPStatus.REQUEST_TIMEOUT:
        response.force_close()  # the body is broken or does not come, so nothing can follow it on this connection
    return response


async def meet_expectation(request: web.Request) -> web.StreamResponse | None:
    """Meet `Expect: 100-continue`, and answer any other expectation before the middlewares are reached."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        if request.version == HttpVersion11:
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # so that the answer itself may still be an error (as aiohttp does)
        return None
    request[REQUEST_ID] = request_id_of(request.headers.get("X-Request-Id"))
    response = problem_response(request, ExpectationFailed("only `Expect: 100-continue` is supported"))
    harden(response, request[REQUEST_ID])
    return response


def internal_error(request: web.BaseRequest, error: BaseException) -> web.Response:
    """Log where it happened, without the text, which may quote the caller; answer with the request id only."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    _log.error("internal error", kind=f"{type(error).__module__}.{type(error).__qualname__}", frames=frames)
    return problem_response(request, InternalError("an internal error: quote the request_id when you report it"))


def _method_not_allowed(request: web.Request, error: web.HTTPMethodNotAllowed) -> web.Response:
    allowed = ", ".join(sorted({*error.allowed_methods, hdrs.METH_OPTIONS}))
    if request.method == hdrs.METH_OPTIONS:
        return web.Response(status=204, headers={"Allow": allowed})
    response = problem_response(request, from_http(error))
    response.headers["Allow"] = allowed
    return response


@web.middleware
async def count_calls(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count calls in progress, for which a stop waits. On a connection beyond the limit only health is answered."""
    if _is_reserved(request) and request.path not in RESERVED:
        request.app[METRICS].add(SHED, "connections")
        raise Overloaded("too many connections: try again in a moment", retry_after_s=1)
    if request.path in _UNCOUNTED:
        return await handler(request)
    with request.app[TRAFFIC].one_more():
        return await handler(request)


@web.middleware
async def guard_address(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Calls from one address are counted before anybody is asked for a key, and wrong keys as well."""
    app = request.app
    address = client_address(request, app[PROTECTION].proxy_networks) if request.path not in HEALTH else None
    if address is None or not app[LIFETIME].is_loaded:
        return await handler(request)
    request[ADDRESS] = address
    limiter, limits = app[LIFETIME].carpool.operation.rate_limits, app[LIMITS]
    await limits.charge_address(request, limiter, address)
    try:
        return await handler(request)
    except Unauthenticated:
        await limits.charge_failure(limiter, address)
        raise
