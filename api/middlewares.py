"""What surrounds every request, outermost first: its id, its log line, errors as problem documents, and a limit on how many at once."""

from __future__ import annotations

import re
import time
import traceback
from uuid import uuid4

import structlog
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler

from api.app_keys import REQUEST_ID, TRAFFIC
from api.errors import ExpectationFailed, InternalError, from_http, problem_response
from matcher.domain.errors import CarpoolError

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", re.ASCII)
_QUIET = {"/healthz", "/readyz"}

_log = structlog.get_logger("api")


def request_id_of(given: str | None) -> str:
    """The caller's own X-Request-Id when it is harmless in a log line, or a new one."""
    return given if given is not None and _SANE_ID.fullmatch(given) else uuid4().hex


def harden(response: web.StreamResponse, request_id: str) -> None:
    """The headers that every answer carries; answers are private unless they say otherwise."""
    headers = response.headers
    headers["X-Request-Id"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Server"] = "carpool"
    headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def request_ids(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id, and the answer its common headers."""
    request[REQUEST_ID] = request_id_of(request.headers.get("X-Request-Id"))
    with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
        response = await handler(request)
    harden(response, request[REQUEST_ID])
    return response


@web.middleware
async def access_log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One line a request: the route's template and never its values, as those may be addresses and coordinates."""
    started = time.perf_counter()
    response = await handler(request)
    resource = request.match_info.route.resource
    route = "unmatched" if resource is None else resource.canonical
    log = _log.debug if route in _QUIET else _log.info
    took_ms = round((time.perf_counter() - started) * 1000, 2)
    log("request", method=request.method if request.method in hdrs.METH_ALL else "other", route=route,
        status=response.status, took_ms=took_ms)  # fmt: skip
    return response


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
    if request.content.exception() is not None:
        response.force_close()  # the body is broken, so nothing can follow it on this connection
    return response


async def meet_expectation(request: web.Request) -> web.StreamResponse | None:
    """Meet `Expect: 100-continue`, and answer any other expectation before the middlewares are reached."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        if request.version == HttpVersion11:
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # so that the answer itself may still be an error (as aiohttp does)
        return None
    request[REQUEST_ID] = request_id_of(request.headers.get("X-Request-Id"))
    response = problem_response(request, ExpectationFailed("only `Expect: 100-continue` can be met"))
    harden(response, request[REQUEST_ID])
    return response


def internal_error(request: web.BaseRequest, error: BaseException) -> web.Response:
    """Log where it happened, without the exception's text, which may quote what the caller sent; answer with the id only."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    _log.error("internal error", kind=f"{type(error).__module__}.{type(error).__qualname__}", frames=frames)
    return problem_response(request, InternalError("an error of this service: quote the request_id when you report it"))


def _method_not_allowed(request: web.Request, error: web.HTTPMethodNotAllowed) -> web.Response:
    allowed = ", ".join(sorted({*error.allowed_methods, hdrs.METH_OPTIONS}))
    if request.method == hdrs.METH_OPTIONS:
        return web.Response(status=204, headers={"Allow": allowed})
    response = problem_response(request, from_http(error))
    response.headers["Allow"] = allowed
    return response


@web.middleware
async def limit_in_flight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A limited number of calls is worked on at once; more are told to come back. Health is always answered."""
    traffic = request.app[TRAFFIC]
    if request.path in _QUIET:
        response = await handler(request)
    else:
        with traffic.one_more():
            response = await handler(request)
    if traffic.draining:
        response.force_close()
    return response
