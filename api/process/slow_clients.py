"""The connection of a caller: answers what is hardly HTTP, and cuts off whoever is too slow or too many."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError, InvalidURLError, LineTooLong
from pydantic_core import to_json

from api.app_keys import REQUEST_ID
from api.call.client_address import connecting_address
from api.call.errors import (
    CODINGS_READ,
    PROBLEM_JSON,
    BadRequest,
    HeadersTimeout,
    HeadersTooLarge,
    UnsupportedMediaType,
    problem_document,
    problem_response,
    status_of,
)
from api.call.middlewares import common_headers, harden, internal_error, request_id_of
from matcher.domain.errors.tree import CarpoolError, Overloaded, Unavailable
from matcher.operation.telemetry import HTTP_CONNECTIONS, SHED, SLOW_CLIENTS, Telemetry
from matcher.settings.protection import ProtectionSettings

MAX_LINE = 8190
MAX_HEADER = 8190


#: Connections beyond the limits, for health and metrics only: in all, of one address, and the time to ask.
_RESERVED = 64
_RESERVED_OF_ADDRESS = 8
_RESERVED_S = 1.0

_log = structlog.get_logger("api")


class CallerConnections(web.Server):
    """All connections of a process, in place of aiohttp's own server."""

    protection: ProtectionSettings
    telemetry: Telemetry
    of_address: Counter[str]
    reserved_of_address: Counter[str]

    def __call__(self) -> ClientConnection:
        return ClientConnection(self, loop=self._loop, **self._kwargs)

    def watch(self, protection: ProtectionSettings, telemetry: Telemetry) -> None:
        """Before the first connection: the limits, and where to tell."""
        self.protection, self.telemetry = protection, telemetry
        self.of_address, self.reserved_of_address = Counter(), Counter()

    def room_for(self, address: str | None) -> bool:
        """Whether a connection from this address fits in, which is counted among those there are."""
        most, number = self.protection.max_connections, self.count() - self.reserved_of_address.total()
        if number > most:
            self.telemetry.add(SHED, "connections")
            return False
        mine = 0 if address is None else self.of_address[address]
        if mine >= self.protection.connections_per_address or (mine and mine > most - number):
            self.telemetry.add(SHED, "address")
            return False
        return True

    def reserve_for(self, address: str) -> bool:
        """Whether the address may have one of the connections that are kept for health."""
        of = self.reserved_of_address
        return of.total() < _RESERVED and of[address] < _RESERVED_OF_ADDRESS

    def count(self) -> int:
        """How many there are; tells the metrics."""
        number = len(self._connections)
        self.telemetry.set(HTTP_CONNECTIONS, number)
        return number


class ClientConnection(web.RequestHandler):
    """One connection, with time limits on headers and on writing; that of the body is in api/call/reading.py."""

    def __init__(self, connections: CallerConnections, **options: Any) -> None:
        super().__init__(connections, **options)
        self._connections = connections
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._counted: tuple[Counter[str], str] | None = None
        #: Beyond the limits, and only there to ask for health and metrics.
        self.is_reserved = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        connections = self._connections
        peer = transport.get_extra_info("peername")
        host = str(peer[0]) if isinstance(peer, tuple) else ""
        address = connecting_address(host, connections.protection.proxy_networks)
        if connections.room_for(address):
            self._count_in(connections.of_address, address)
        elif connections.reserve_for(address or host):
            self.is_reserved = True
            self._count_in(connections.reserved_of_address, address or host)
        else:
            self._say_and_close(Overloaded("too many connections: try again in a moment", retry_after_s=1))
            return
        self._expect_headers()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._cancel_timers()
        if self._counted is not None:
            counter, address = self._counted
            counter[address] -= 1
            if not counter[address]:
                del counter[address]
            self._counted = None
        super().connection_lost(exc)
        self._connections.count()

    def _count_in(self, counter: Counter[str], address: str | None) -> None:
        if address is not None:
            counter[address] += 1
            self._counted = counter, address

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._at_work:
            if self._header_timer is not None:
                self._header_timer.cancel()
                self._header_timer = None
        elif self._header_timer is None:
            self._expect_headers()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_timer is None:
            patience_s = self._connections.protection.write_timeout_s
            self._write_timer = self._loop.call_later(patience_s, self._too_slow_to_take_in)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    @property
    def _at_work(self) -> bool:
        return bool(self._messages) or self._request_in_progress

    def _expect_headers(self) -> None:
        patience_s = self._connections.protection.header_timeout_s
        if self.is_reserved:
            patience_s = min(patience_s, _RESERVED_S)
        self._header_timer = self._loop.call_later(patience_s, self._too_slow_to_ask)

    def _too_slow_to_ask(self) -> None:
        self._header_timer = None
        if not self._at_work:
            self._connections.telemetry.add(SLOW_CLIENTS, "header")
            self._say_and_close(HeadersTimeout("the request line and headers did not arrive in time"))

    def _too_slow_to_take_in(self) -> None:
        self._write_timer = None
        if self.transport is not None:
            self._connections.telemetry.add(SLOW_CLIENTS, "write")
            self.transport.abort()

    def _say_and_close(self, error: CarpoolError) -> None:
        if self.transport is not None:
            self.transport.write(spoken(error))
        self.force_close()

    def _cancel_timers(self) -> None:
        for timer in (self._header_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._header_timer = self._write_timer = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Called by aiohttp when parsing fails, or anything outside of every middleware."""
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


def spoken(error: CarpoolError) -> bytes:
    """The answer with a problem document, as it goes out where no request has been read that it could answer."""
    request_id = request_id_of(None)
    status = status_of(type(error))
    body = to_json(problem_document(error, status, request_id, "pointer"))
    wait = {"Retry-After": error.retry_after_s} if isinstance(error, Unavailable) else {}
    headers = {
        "Content-Type": PROBLEM_JSON,
        "Content-Length": len(body),
        **common_headers(request_id),
        **wait,
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _refusal(error: BaseException | None) -> CarpoolError:
    if isinstance(error, LineTooLong):
        return HeadersTooLarge(f"the request line or a header is longer than {MAX_LINE:,} bytes")
    if "too many headers" in str(error).lower():  # aiohttp has no type for it
        return HeadersTooLarge("there are more headers than this service reads")
    if isinstance(error, InvalidURLError):
        return BadRequest(
            "the path or the query has characters that a URL cannot have: percent-encode them, ä as %C3%A4 "
            "(curl -G --data-urlencode)"
        )
    if isinstance(error, ContentEncodingError):
        return UnsupportedMediaType(CODINGS_READ)
    return BadRequest(
        "this is no request of HTTP/1.1: its first line, its headers or how its body is cut up is not as they must be"
    )
