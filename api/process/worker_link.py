"""The link between the parent and a worker: a message when it listens, end of file when one of them is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Self

from pydantic_core import from_json, to_json

LISTENING = b"L"
LOADED = b"R"


@dataclass(frozen=True, slots=True)
class WorkerOrder:
    """What the parent tells a worker: its number, where to listen, and the file descriptor of the link.

    `joins`: the others answer already, so listen only when loaded. `threads`: how many, unless the settings say.
    """

    number: int
    host: str
    port: int
    joins: bool
    threads: int
    link: int

    def to_text(self) -> str:
        """One word of a command line."""
        return to_json(asdict(self)).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """What `to_text` gave."""
        return cls(**from_json(text))


class WorkerLink:
    """The worker's end. When the parent is gone, however it went, the worker stops as if it had been told to."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)

    def watch(self) -> None:
        """Begin to watch for the parent's end; call it on the event loop."""
        asyncio.get_running_loop().add_reader(self._socket, self._parent_is_gone)

    def say(self, word: bytes) -> None:
        """Tell the parent. It may be gone."""
        with suppress(OSError):
            self._socket.send(word)

    def close(self) -> None:
        """Stop watching; the parent is told nothing more."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _parent_is_gone(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        os.kill(os.getpid(), signal.SIGTERM)
