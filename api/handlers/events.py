"""Server-sent events of the caller's own trips."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import suppress

from aiohttp import web

from api.app_keys import BROWSERS, CLOCK, REQUEST_ID, STREAMING_SINCE, STREAMS
from api.call.auth import EVERYBODY, bearer_token, principal_of_call, user_acted_for
from api.call.endpoint import Call
from api.call.errors import InvalidHeader
from api.call.middlewares import harden
from api.schemas.service import Nothing
from matcher.domain.errors.tree import CarpoolError, Fault
from matcher.events.event import NumberedEvent
from matcher.events.feed import EventStream, ListenerTooSlow, Missed, StreamEnded
from matcher.events.messages import body_of, find_number, id_of, message_id

EVENT_STREAM = "text/event-stream"
#: After how long a client connects again, milliseconds.
_RETRY_MS = 3000
#: A client that does not read what is sent, or does not acknowledge it, is cut off after this time.
_SEND_TIMEOUT_S = 30.0
#: How soon a connection that the client has ended is noticed.
_LOOK_EVERY_S = 3.0
#: No event has this number: for an id that is not one of ours.
_UNKNOWN = -1
_RESET = json.dumps({"reason": "events were missed that are no longer available: read everything again"})


async def stream_events(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Stream the events of your own trips, as server-sent events.

    Each event has an opaque `id`. Connect again with it in `Last-Event-ID` to receive everything since, at least once
    and in the order of each trip; without it the stream begins now. A comment with an id is sent every few seconds when
    nothing happens. An event `reset` means that missed events are no longer available: read your offers, requests and
    bookings again. The service may end the stream at any time; connect again.
    """
    if call.request.method == "HEAD":
        return web.Response(content_type=EVENT_STREAM)
    user, feed, streams = call.principal.user, call.carpool.notices.feed, call.request.app[STREAMS]
    after, limits = _last_event_id(call.request), call.carpool.settings.events
    with (
        streams.one_more(user, most=limits.streams_max, most_per_user=limits.streams_per_user),
        feed.listen(user, after) as stream,
        streams.ended_at_stop(stream),
    ):
        headers = {"Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers=headers)
        # The middlewares add their headers to a finished answer, which is too late for one that has begun.
        harden(response, call.request[REQUEST_ID])
        call.request.app[BROWSERS].mark(call.request, response)
        _drop_dead_peer(call.request)
        await response.prepare(call.request)
        call.request[STREAMING_SINCE] = time.perf_counter()
        # After any of these the client connects again and continues after the last event it received; it then learns of
        # a revoked key or an unavailable database.
        with suppress(ConnectionError, TimeoutError, ListenerTooSlow, StreamEnded, CarpoolError):
            await _Stream(call, response, stream, after).run()
    return response


class _Stream:
    """One stream: missed events first, then new ones, with a heartbeat when there are none."""

    def __init__(
        self, call: Call[Nothing, Nothing], response: web.StreamResponse, stream: EventStream, after: int | None
    ) -> None:
        self._call = call
        self._response = response
        self._stream = stream
        self._feed = call.carpool.notices.feed
        self._heartbeat_s = call.carpool.settings.events.heartbeat_s
        self._sent = stream.begun_at if after is None else after
        self._next_beat = 0.0

    async def run(self) -> None:
        """Until the client goes, the service stops, or the key is refused."""
        await self._write(f"retry: {_RETRY_MS}\n\n")
        async for missed in self._stream.missed():
            if isinstance(missed, Missed):
                await self._write(f"id: {id_of(missed.number)}\nevent: reset\ndata: {_RESET}\n\n")
                self._sent = missed.number
            else:
                await self._send(missed)
        self._sent = max(self._sent, self._stream.begun_at)
        await self._beat()
        while not self._is_gone():
            if (event := await self._stream.next(min(self._heartbeat_s, _LOOK_EVERY_S))) is not None:
                await self._send(event)
            if asyncio.get_running_loop().time() >= self._next_beat:
                await self._require_valid_key()
                await self._beat()

    async def _send(self, event: NumberedEvent) -> None:
        kind = event.event.kind.value
        await self._write(f"id: {message_id(event)}\nevent: {kind}\ndata: {body_of(event).decode()}\n\n")
        self._sent = event.number

    async def _beat(self) -> None:
        """A heartbeat with the position reached, so that a long silence is not mistaken for a long absence."""
        self._next_beat = asyncio.get_running_loop().time() + self._heartbeat_s
        # Read together, without an await between: no event up to the feed's number waits for this listener.
        feed_number = self._feed.number
        if (event := self._stream.take()) is not None:
            await self._send(event)
            return
        self._sent = max(self._sent, feed_number)
        # An id without data is no event to the client; it is remembered all the same (HTML standard, section 9.2.6).
        await self._write(f": alive\nid: {id_of(self._sent)}\n\n")

    async def _write(self, text: str) -> None:
        """Write one block. Raises TimeoutError, after aborting the connection, when the client does not read."""
        try:
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                await self._response.write(text.encode())
        except TimeoutError:
            if (transport := self._call.request.transport) is not None:
                transport.abort()
            raise

    async def _require_valid_key(self) -> None:
        """Raises Unauthenticated or Forbidden when the caller may no longer listen."""
        request = self._call.request
        caller = await self._call.carpool.authenticate(bearer_token(request), request.app[CLOCK]())
        principal_of_call(caller, user_acted_for(request), EVERYBODY)

    def _is_gone(self) -> bool:
        transport = self._call.request.transport
        return transport is None or transport.is_closing()


def _drop_dead_peer(request: web.Request) -> None:
    """Have the kernel end the connection when sent data stays unacknowledged for the send timeout (Linux only)."""
    sock = request.transport.get_extra_info("socket") if request.transport is not None else None
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(_SEND_TIMEOUT_S * 1000))


def _last_event_id(request: web.Request) -> int | None:
    """The number in Last-Event-ID; None without one. Raises InvalidHeader when it is given twice."""
    given = request.headers.getall("Last-Event-ID", [])
    if len(given) > 1:
        why = "must be given once"
        raise InvalidHeader(f"Last-Event-ID {why}", faults=[Fault("Last-Event-ID", why, InvalidHeader.code)])
    if not given or not given[0].strip():
        return None
    number = find_number(given[0].strip())
    return _UNKNOWN if number is None else number
