"""Connections of the load generator: just enough HTTP/1.1, so that generating load costs little."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast
from urllib.parse import urlsplit

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_CLOSE = b"connection: close"


class Line(asyncio.Protocol):
    """One connection, with one call at a time. Answers must name their length."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = b""
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        """It is gone; a call under way fails with ConnectionError."""
        self.ended = True
        self._fail(ConnectionResetError("cut off"))

    def data_received(self, data: bytes) -> None:
        """A part of an answer, mostly all of it."""
        self._received += data
        end = self._received.find(_END)
        if end < 0:
            return
        head = self._received[:end].lower()
        at = head.find(_LENGTH)
        if at < 0:
            self._fail(ConnectionError("an answer without a length"))
            self.close()
            return
        length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
        if len(self._received) < end + len(_END) + length:
            return
        status, body = int(head.split(b" ", 2)[1]), self._received[end + len(_END) :]
        self._received = b""
        if _CLOSE in head:
            self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((status, body))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """(status, body). Raises ConnectionError when it ends without an answer."""
        assert self._transport is not None, "it has been made"
        if self.ended:
            raise ConnectionResetError("cut off before the call")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Nothing more is asked on it."""
        self.ended = True
        if self._transport is not None:
            self._transport.close()

    def _fail(self, error: ConnectionError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


class Lines:
    """Connections to one service, used in turn; a call that finds none idle opens one, so no call waits."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._idle: deque[Line] = deque()

    async def open(self, count: int) -> None:
        """Have so many idle ones. Raises OSError."""
        self._idle.extend(await asyncio.gather(*(self._new() for _ in range(count))))

    async def ask(self, request: bytes, patience_s: float) -> tuple[int, bytes]:
        """(status, body). Raises OSError when there is no connection or it ends, TimeoutError."""
        async with asyncio.timeout(patience_s):
            line = self._take() or await self._new()
            try:
                answer = await line.ask(request)
            except BaseException:
                line.close()
                raise
        if not line.ended:
            self._idle.append(line)
        return answer

    def close(self) -> None:
        """All of them."""
        for line in self._idle:
            line.close()

    def request(self, path: str, key: str, body: bytes, user: str | None = None) -> bytes:
        """A POST of JSON, as it goes over the wire; for a user of the key's own, where one is named."""
        acted_for = "" if user is None else f"X-On-Behalf-Of: {user}\r\n"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nAuthorization: Bearer {key}\r\n{acted_for}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _take(self) -> Line | None:
        while self._idle:
            line = self._idle.popleft()
            if not line.ended:
                return line
        return None

    async def _new(self) -> Line:
        _, line = await asyncio.get_running_loop().create_connection(Line, self._host, self._port)
        return line
