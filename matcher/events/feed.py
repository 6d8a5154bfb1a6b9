"""Hands new events to the listeners of this process; each event is read once, however many listen."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from matcher.events.event import NumberedEvent

_AT_ONCE = 500


class EventStore(Protocol):
    """Committed events by number, complete up to each number that can be read."""

    async def give_numbers(self, now: datetime) -> int:
        """Number new committed events and queue them for webhooks; returns how many, 0 while another process does."""

    async def numbers(self) -> tuple[int, int]:
        """(the last number given, the highest number forgotten)."""

    async def list_after(self, after: int, limit: int) -> list[NumberedEvent]:
        """At most `limit` events of everybody with numbers above `after`, in order."""

    async def list_of(self, recipient: str, after: int, up_to: int, limit: int) -> list[NumberedEvent]:
        """At most `limit` events of one recipient with numbers in (after, up_to], in order."""


@dataclass(frozen=True, slots=True)
class Missed:
    """The events a listener missed are no longer stored: it must read everything again.

    Events after `number` follow.
    """

    number: int


class ListenerTooSlow(Exception):
    """A listener left too many events unread; it can reconnect and continue after the last one it read."""


class StreamEnded(Exception):
    """The service stops; the listener can continue with another process."""


class EventFeed:
    """Reads new events and hands them to their recipients' streams. One `catch_up` at a time, on one event loop."""

    def __init__(self, store: EventStore, *, most_unread: int = 1000) -> None:
        self._store = store
        self._most_unread = most_unread
        self._number = 0
        self._listeners: defaultdict[str, set[EventStream]] = defaultdict(set)
        self._on_news: list[Callable[[], None]] = []

    @property
    def number(self) -> int:
        return self._number

    @property
    def listeners(self) -> int:
        return sum(len(streams) for streams in self._listeners.values())

    def on_news(self, wake: Callable[[], None]) -> None:
        """Call `wake` after events were numbered or read: there may be something to deliver."""
        self._on_news.append(wake)

    async def begin(self) -> None:
        """Hand out only what is numbered from now on. Raises DatabaseUnavailable."""
        self._number, _ = await self._store.numbers()

    async def catch_up(self, now: datetime) -> int:
        """Hand out all events committed before this call; returns how many. Raises DatabaseUnavailable."""
        numbered = await self._store.give_numbers(now)
        handed_out = 0
        while True:
            events = await self._store.list_after(self._number, _AT_ONCE)
            for event in events:
                self._hand_out(event)
            handed_out += len(events)
            if len(events) < _AT_ONCE:
                break
        if numbered or handed_out:
            for wake in self._on_news:
                wake()
        return handed_out

    @contextmanager
    def listen(self, user: str, after: int | None) -> Iterator[EventStream]:
        """The events of one user after a number, or from now on."""
        stream = EventStream(self._store, user, after, begun_at=self._number, most_unread=self._most_unread)
        self._listeners[user].add(stream)
        try:
            yield stream
        finally:
            self._listeners[user].discard(stream)
            if not self._listeners[user]:
                del self._listeners[user]

    def _hand_out(self, event: NumberedEvent) -> None:
        # No await between the two: a new stream sees either both or neither.
        self._number = event.number
        for stream in self._listeners.get(event.event.recipient, ()):
            stream.put(event)


class EventStream:
    """One listener's events, in order and without a gap: first those it missed, from the database, then new ones."""

    def __init__(self, store: EventStore, user: str, after: int | None, *, begun_at: int, most_unread: int) -> None:
        self._store = store
        self._user = user
        self._after = after
        self._begun_at = begun_at
        self._most_unread = most_unread
        self._unread: deque[NumberedEvent] = deque()
        self._arrived = asyncio.Event()
        self._too_slow = False
        self._ended = False

    @property
    def begun_at(self) -> int:
        """Events after this number arrive through `next`, those before through `missed`."""
        return self._begun_at

    def put(self, event: NumberedEvent) -> None:
        if self._too_slow or len(self._unread) >= self._most_unread:
            self._too_slow = True  # nothing after it either, so that there is no gap
        else:
            self._unread.append(event)
        self._arrived.set()

    def end(self) -> None:
        self._ended = True
        self._arrived.set()

    async def missed(self) -> AsyncIterator[NumberedEvent | Missed]:
        """Events between the last one the listener has read and the start of the stream. Raises DatabaseUnavailable."""
        if self._after is None:
            return
        given, forgotten = await self._store.numbers()
        if not forgotten <= self._after <= given:
            self._after = None
            yield Missed(self._begun_at)
            return
        after = self._after
        while after < self._begun_at:
            events = await self._store.list_of(self._user, after, self._begun_at, _AT_ONCE)
            for event in events:
                yield event
            if len(events) < _AT_ONCE:
                break
            after = events[-1].number

    async def next(self, within_s: float) -> NumberedEvent | None:
        """The next event, None after `within_s` seconds without one. Raises ListenerTooSlow, StreamEnded."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    if (event := self.take()) is not None:
                        return event
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return None

    def take(self) -> NumberedEvent | None:
        """The next unread event, or None. Raises ListenerTooSlow, StreamEnded."""
        if self._ended:
            raise StreamEnded
        while self._unread:
            event = self._unread.popleft()
            # Another process may have sent the listener events that this one reads only now.
            if self._after is None or event.number > self._after:
                return event
        if self._too_slow:
            raise ListenerTooSlow
        return None
