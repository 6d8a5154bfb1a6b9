"""Events reach those who listen in this process: each is read once, whoever and however many they are."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from matcher.events.event import NumberedEvent
from matcher.events.ports import EventStore

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Missed:
    """What a listener asked for cannot be had any more: it must read everything again. Events after `number` follow."""

    number: int


class ListenerTooSlow(Exception):
    """More events waited for a listener than it may leave unread; it can go on after the last one it has read."""


class StreamEnded(Exception):
    """The service stops; the listener can go on with another process."""


class EventFeed:
    """Reads new events and hands them to the listeners they are for. One `catch_up` at a time; everything runs on one event loop.

    `on_news` is called after events were numbered or read: there may be something to deliver.
    """

    def __init__(self, store: EventStore, *, most_unread: int = 1000) -> None:
        self._store = store
        self._most_unread = most_unread
        self._number = 0
        self._listeners: defaultdict[str, set[EventStream]] = defaultdict(set)
        self._on_news: list[Callable[[], None]] = []

    @property
    def number(self) -> int:
        """All events up to this number have been handed out."""
        return self._number

    @property
    def listeners(self) -> int:
        """How many listen."""
        return sum(len(streams) for streams in self._listeners.values())

    def on_news(self, wake: Callable[[], None]) -> None:
        """Call this whenever there is news."""
        self._on_news.append(wake)

    async def begin(self) -> None:
        """Hand out what is numbered from now on. Raises DatabaseUnavailable."""
        self._number, _ = await self._store.numbers()

    async def catch_up(self, now: datetime) -> int:
        """Hand out everything that was committed before this call; returns how many events. Raises DatabaseUnavailable."""
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
        # No await between the two: whoever begins to listen sees either both or neither.
        self._number = event.number
        for stream in self._listeners.get(event.event.recipient, ()):
            stream.put(event)


class EventStream:
    """What one listener is told, in order and without a gap: first what it has missed, from the database, then what happens."""

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
        """What happens after this number is told as it happens."""
        return self._begun_at

    def put(self, event: NumberedEvent) -> None:
        """Something has happened."""
        if self._too_slow or len(self._unread) >= self._most_unread:
            self._too_slow = True  # and nothing after it either: what is told has no gaps
        else:
            self._unread.append(event)
        self._arrived.set()

    def end(self) -> None:
        """Tell the listener to go elsewhere."""
        self._ended = True
        self._arrived.set()

    async def missed(self) -> AsyncIterator[NumberedEvent | Missed]:
        """What happened after the number that the listener has read up to, until it began to listen. Raises DatabaseUnavailable."""
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
        """The next event, or None when none happens within a time.

        Raises ListenerTooSlow when some had to be left out, and StreamEnded.
        """
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
        """The next event that waits. Raises ListenerTooSlow, StreamEnded."""
        if self._ended:
            raise StreamEnded
        while self._unread:
            event = self._unread.popleft()
            # Another process may have told the listener of events that this one reads only now.
            if self._after is None or event.number > self._after:
                return event
        if self._too_slow:
            raise ListenerTooSlow
        return None
