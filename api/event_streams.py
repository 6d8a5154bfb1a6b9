"""The streams of events that a process holds open: how many, whose, and how they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from matcher.domain.errors.events import TooManyStreams
from matcher.domain.errors.tree import Overloaded
from matcher.events.feed import EventStream


class Streams:
    """Counts open streams, and ends them all when the service stops: they do not end by themselves."""

    def __init__(self) -> None:
        self._open: set[EventStream] = set()
        self._of_user: Counter[str] = Counter()
        self._stopped = False

    def __len__(self) -> int:
        """How many are open."""
        return self._of_user.total()

    @contextmanager
    def one_more(self, user: str, *, most: int, most_per_user: int) -> Iterator[None]:
        """Count a stream, among at most `most` and `most_per_user` of one user. Raises Overloaded, TooManyStreams."""
        if self._stopped or len(self) >= most:
            raise Overloaded("too many open streams: try again in a moment", retry_after_s=5)
        if self._of_user[user] >= most_per_user:
            raise TooManyStreams(f"at most {most_per_user} streams per user: close one of them")
        self._of_user[user] += 1
        try:
            yield
        finally:
            self._of_user[user] -= 1
            if not self._of_user[user]:
                del self._of_user[user]

    @contextmanager
    def ended_at_stop(self, stream: EventStream) -> Iterator[None]:
        """While the block runs, a stop of the service ends the stream."""
        self._open.add(stream)
        try:
            if self._stopped:
                stream.end()
            yield
        finally:
            self._open.discard(stream)

    async def stop(self, _app: web.Application) -> None:
        """End all, and open no more."""
        self._stopped = True
        for stream in self._open:
            stream.end()
