"""From an application to a listening, stoppable server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from api.app_keys import LIFETIME, REQUEST_ID, TRAFFIC
from api.errors import BadRequest, HeadersTooLarge, problem_response
from api.middlewares import harden, internal_error, request_id_of
from matcher.domain.errors import CarpoolError

MAX_LINE = 8190
MAX_HEADER = 8190
KEEP_ALIVE_S = 75.0

_log = structlog.get_logger("api")


class _Protocol(web.RequestHandler):
    """Answers what is not HTTP, or too much of it, with a problem document as well, and keeps it out of the log."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp calls before there is a request to route, and when something fails outside of every middleware."""
        if request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        request_id = request[REQUEST_ID] = request_id_of(None)
        if status >= 500 and exc is not None:
            response = internal_error(request, exc)
        else:
            _log.info("not a request", kind=type(exc).__name__, request_id=request_id)
            response = problem_response(request, _refusal(exc))
        harden(response, request_id)
        response.force_close()
        return response

    def log_exception(self, *_args: Any, exc_info: BaseException | None = None, **_kw: Any) -> None:
        """What aiohttp calls when a connection breaks in an unforeseen way; a broken body has been answered already."""
        if not isinstance(exc_info, web.RequestPayloadError):
            _log.warning("connection broke", kind=type(exc_info).__name__)


class _Server(web.Server):
    def __call__(self) -> _Protocol:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """An application runner with our protocol and limits, and without aiohttp's access log (we write our own)."""

    def __init__(self, app: web.Application, *, grace_s: float = 20.0) -> None:
        super().__init__(
            app,
            access_log=None,
            shutdown_timeout=grace_s,
            keepalive_timeout=KEEP_ALIVE_S,
            max_line_size=MAX_LINE,
            max_field_size=MAX_HEADER,
        )

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        # aiohttp offers no hook for the protocol's class; the subclass adds no state, so the instance may take it on.
        server.__class__ = _Server
        return server


async def serve(
    app: web.Application,
    *,
    host: str,
    port: int,
    grace_s: float = 20.0,
    reuse_port: bool = False,
    listen_when_loaded: bool = False,
    on_listening: Callable[[str], None] | None = None,
) -> None:
    """Listen until SIGTERM or SIGINT, then stop accepting, finish what is in progress (for up to `grace_s`), and return.

    Other processes may listen on the same port with `reuse_port`; calls are spread over them, so one that joins others had better listen
    when it can answer. `on_listening` is told the URL once the port is bound. Raises OSError when it cannot be, and whatever ended the service,
    so that a process whose service could not be loaded ends with an error instead of staying up and never ready.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runner = Runner(app, grace_s=grace_s)
    try:
        await runner.setup()
        if listen_when_loaded:
            await _first(stopped.wait(), app[LIFETIME].ended(), app[LIFETIME].loaded())
        if not stopped.is_set():
            await web.TCPSite(runner, host, port, reuse_port=reuse_port or None).start()
            if on_listening is not None:
                on_listening(url_of(runner, host))
        await _first(stopped.wait(), app[LIFETIME].ended())
        for site in list(runner.sites):
            await site.stop()
        # aiohttp's own shutdown drops what still arrives of a body, so calls are waited for before it begins.
        await app[TRAFFIC].drain(grace_s)
    finally:
        await runner.cleanup()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def url_of(runner: Runner, host: str) -> str:
    """Where a caller on this machine reaches the server."""
    return url_at(host, runner.addresses[0][1])


def url_at(host: str, port: int) -> str:
    """The same for a host as it is listened on."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104  # compared, not bound
    return f"http://{reachable}:{port}"


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait until one ends, and raise what it raises."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _refusal(error: BaseException | None) -> CarpoolError:
    if isinstance(error, LineTooLong):
        return HeadersTooLarge(f"the request line or a header is longer than {MAX_LINE:,} bytes")
    if "too many headers" in str(error).lower():  # aiohttp has no type for it
        return HeadersTooLarge("there are more headers than this service reads")
    return BadRequest("the request cannot be understood: this is HTTP/1.1")
