"""What tests of the embedded server do to it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg

from matcher.postgres.embedded.postmaster import Postmaster
from matcher.postgres.embedded.server import EmbeddedPostgres

#: Starts a server on the folder it is given, says its process id, and stops when its input ends.
STARTER = """
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.embedded.postmaster import Postmaster
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
server.start()
print(Postmaster.find(server.home.data).pid, flush=True)
sys.stdin.read()
server.stop()
"""


def run_starter(folder: Path) -> subprocess.Popen[str]:
    """A process of its own that uses the server of a folder until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def reported_pid(starter: subprocess.Popen[str]) -> int:
    """The server that a starter has started or attached to."""
    assert starter.stdout is not None
    return int(starter.stdout.readline())


def end(starter: subprocess.Popen[str]) -> None:
    """Let a starter stop the server its own way."""
    starter.communicate(timeout=60)
    assert starter.returncode == 0


def running(server: EmbeddedPostgres) -> Postmaster:
    """The server process, which must be there."""
    found = Postmaster.find(server.home.data)
    assert found is not None
    return found


def kill_at_once(server: EmbeddedPostgres) -> None:
    """kill -9, and wait until the process is gone."""
    victim = running(server)
    os.kill(victim.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Postmaster.find(server.home.data) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_stopped(server: EmbeddedPostgres) -> bool:
    """Whether no server process works in the folder."""
    return Postmaster.find(server.home.data) is None


async def ask(url: str, question: str, **options: Any) -> Any:
    """One value from a connection of its own."""
    connection = await asyncpg.connect(url, **options)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that another process does; the run's own time limit ends a wait in vain."""
    while not await condition():  # noqa: ASYNC110 - the other process sets no event of ours
        await asyncio.sleep(0.01)
