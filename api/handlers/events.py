"""Server-sent events of one's own trips."""

from __future__ import annotations

import asyncio
import json
import time

from aiohttp import web
from aiohttp_sse import EventSourceResponse

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
#: A client that does not read what is sent for so long is cut off.
_SEND_TIMEOUT_S = 30.0
#: A connection that the client has ended is noticed so soon.
_LOOK_EVERY_S = 3.0
#: The library's own pings are not used: ours say how far the listener has read.
_NEVER_S = 10.0**8
#: No number of an event: an id that is not one of ours.
_UNKNOWN = -1


async def stream_events(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Listen to what happens to one's own trips, as server-sent events.

    Each event has an opaque `id`; whoever connects again with it in `Last-Event-ID` is told everything since, at least once and in the order of
    each trip. Without it the stream begins now. A comment with an id comes every few seconds when nothing happens. An event `reset` means that what
    was missed cannot be told any more: read your offers, requests and bookings again. The service may end the stream at any time; connect again.
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
        response = EventSourceResponse(sep="\n", ping_interval=_NEVER_S, send_timeout=_SEND_TIMEOUT_S)
        response.headers["Cache-Control"] = "no-store"
        # What the middlewares add to an answer comes too late for one that has begun.
        harden(response, call.request[REQUEST_ID])
        call.request.app[BROWSERS].mark(call.request, response)
        await response.prepare(call.request)
        call.request[STREAMING_SINCE] = time.perf_counter()
        async with response:
            try:
                await _Telling(call, response, stream, after).tell()
            except (ConnectionError, TimeoutError, ListenerTooSlow, StreamEnded):
                pass  # the client connects again, and goes on after the last event that it was told
            except CarpoolError:
                pass  # the key is not good any more, or the database is away: the client learns which when it connects again
    return response


class _Telling:
    """One stream: what was missed, then what happens, with a sign of life when nothing does."""

    def __init__(
        self, call: Call[Nothing, Nothing], response: EventSourceResponse, stream: EventStream, after: int | None
    ) -> None:
        self._call = call
        self._response = response
        self._stream = stream
        self._feed = call.carpool.notices.feed
        self._heartbeat_s = call.carpool.settings.events.heartbeat_s
        self._told = stream.begun_at if after is None else after
        self._next_beat = 0.0

    async def tell(self) -> None:
        """Until the client goes, the service stops, or the key is refused."""
        await self._write(f"retry: {_RETRY_MS}\n\n")
        async for missed in self._stream.missed():
            if isinstance(missed, Missed):
                await self._response.send(
                    json.dumps({"reason": "what was missed cannot be told any more: read everything again"}),
                    id=id_of(missed.number),
                    event="reset",
                )
                self._told = missed.number
            else:
                await self._send(missed)
        self._told = max(self._told, self._stream.begun_at)
        await self._beat()
        while not self._is_gone():
            if (event := await self._stream.next(min(self._heartbeat_s, _LOOK_EVERY_S))) is not None:
                await self._send(event)
            if asyncio.get_running_loop().time() >= self._next_beat:
                await self._require_good_key()
                await self._beat()

    async def _send(self, event: NumberedEvent) -> None:
        await self._response.send(body_of(event).decode(), id=message_id(event), event=event.event.kind.value)
        self._told = event.number

    async def _beat(self) -> None:
        """A sign of life, and how far the listener has been told, so that long silence is not mistaken for long absence."""
        self._next_beat = asyncio.get_running_loop().time() + self._heartbeat_s
        # Looked at together, without an await between: nothing waits for this listener that has a number up to the feed's.
        feed_number = self._feed.number
        if (event := self._stream.take()) is not None:
            await self._send(event)
            return
        self._told = max(self._told, feed_number)
        # An id without data is no event to the client; it is remembered all the same (HTML standard, section 9.2.6).
        await self._write(f": alive\nid: {id_of(self._told)}\n\n")

    async def _write(self, text: str) -> None:
        async with asyncio.timeout(_SEND_TIMEOUT_S):
            await self._response.write(text.encode())

    async def _require_good_key(self) -> None:
        """Raises Unauthenticated, or what else has become of the caller's right to listen."""
        request = self._call.request
        caller = await self._call.carpool.authenticate(bearer_token(request), request.app[CLOCK]())
        principal_of_call(caller, user_acted_for(request), EVERYBODY)

    def _is_gone(self) -> bool:
        transport = self._call.request.transport
        return transport is None or transport.is_closing()


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
