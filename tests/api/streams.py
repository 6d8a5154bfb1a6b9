"""A reader of server-sent events, as a client would write it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.api.live import Live


@dataclass
class Message:
    """One event: its id, its kind, its data parsed."""

    id: str
    event: str
    data: Any


@dataclass
class Reader:
    """Reads one stream; `last_id` is what a client would quote to go on, also when it came without an event."""

    response: aiohttp.ClientResponse
    last_id: str = ""
    comments: list[str] = field(default_factory=list)
    retry: str = ""

    async def block(self) -> Message | None:
        """The next block: an event, or None when it has no data. Raises EOFError at the end of the stream."""
        fields: dict[str, str] = {}
        while True:
            line = (await self.response.content.readline()).decode()
            if not line:
                raise EOFError
            if line == "\n":
                break
            name, _, value = line.rstrip("\n").partition(": ")
            if name == "":
                self.comments.append(value)
            fields[name] = value
        self.retry = fields.get("retry", self.retry)
        self.last_id = fields.get("id", self.last_id)
        if "data" not in fields:
            return None
        return Message(fields["id"], fields["event"], json.loads(fields["data"]))

    async def message(self, within_s: float = 100.0) -> Message:
        """The next event."""
        async with asyncio.timeout(within_s):
            while True:
                if (message := await self.block()) is not None:
                    return message

    async def messages(self, count: int) -> list[Message]:
        """The next few."""
        return [await self.message() for _ in range(count)]

    async def to_the_end(self) -> None:
        """Read until the service ends the stream."""
        try:
            while True:
                await self.block()
        except EOFError:
            pass

    async def begun(self) -> None:
        """Wait until all that was missed has been told and an id is known."""
        async with asyncio.timeout(100):
            while not self.comments:
                await self.block()


async def until(done: Callable[[], bool], within_s: float = 100.0) -> None:
    """Wait until something is so that nobody tells of."""
    async with asyncio.timeout(within_s):
        while not done():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(live: Live, token: str, last_id: str | None = None, **headers: str) -> AsyncIterator[Reader]:
    """A stream of a service."""
    sent = {"Authorization": f"Bearer {token}", **headers}
    if last_id is not None:
        sent["Last-Event-ID"] = last_id
    timeout = aiohttp.ClientTimeout(total=None, sock_read=30)
    async with live.client.get(f"{live.url}/v1/events", headers=sent, timeout=timeout) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "text/event-stream"
        yield Reader(response)
