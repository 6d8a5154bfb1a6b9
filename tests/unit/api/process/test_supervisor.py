"""The parent of several workers, with small programs in the workers' place."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from api.process.reserved_port import reserved
from api.process.supervisor import TOO_OFTEN, Supervisor
from api.process.worker_link import WorkerLink, WorkerOrder
from matcher.domain.errors.tree import Unavailable

#: Says that it listens, and lives until SIGTERM; it goes by itself when its parent is gone.
STEADY = """
import os, signal, socket, sys
link = socket.socket(fileno=int(sys.argv[1]))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
link.send(b"L")
link.recv(1)
"""
STUBBORN = STEADY.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
FAILING = "import sys; sys.exit(3)"


class _Workers:
    """A supervisor, what it started, and how long it paused."""

    def __init__(self, script: Callable[[int, bool], str], count: int = 2, *, grace_s: float = 20.0) -> None:
        self.script = script
        self.started: list[tuple[int, bool]] = []
        self.pauses: list[float] = []
        self.listening = asyncio.Event()
        self.supervisor = Supervisor(
            self._command, count, grace_s=grace_s, on_listening=self.listening.set, sleep=self._pause
        )

    def _command(self, number: int, joins: bool, link: int) -> list[str]:
        self.started.append((number, joins))
        return [sys.executable, "-c", self.script(number, joins), str(link)]

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    @property
    def pids(self) -> dict[int, int]:
        return {number: process.pid for number, process in self.supervisor._running.items()}


async def test_all_listen_before_it_is_said_and_all_end_when_told(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
    workers = _Workers(lambda number, _: wait + STEADY if number == 2 else STEADY)
    running = asyncio.create_task(workers.supervisor.run())
    while not workers.supervisor._listening:  # noqa: ASYNC110 - another process sets no event of ours
        await asyncio.sleep(0.01)
    assert not workers.listening.is_set()
    gate.touch()
    await workers.listening.wait()
    pids = workers.pids
    workers.supervisor.stop()
    await running
    assert sorted(workers.started) == [(1, False), (2, False)]
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_one_that_dies_is_replaced_under_its_number_and_joins_the_others() -> None:
    workers = _Workers(lambda *_: STEADY)
    running = asyncio.create_task(workers.supervisor.run())
    await workers.listening.wait()
    before = workers.pids
    os.kill(before[2], signal.SIGKILL)
    while workers.pids.get(2) in {None, before[2]}:  # noqa: ASYNC110 - the same
        await asyncio.sleep(0.01)
    assert workers.pids[1] == before[1]
    assert workers.started[-1] == (2, True)
    assert workers.pauses == [0.5]
    workers.supervisor.stop()
    await running


async def test_when_one_keeps_dying_all_are_stopped_and_it_is_an_error() -> None:
    workers = _Workers(lambda number, _: FAILING if number == 2 else STEADY)
    with pytest.raises(Unavailable, match=f"worker 2 died {TOO_OFTEN} times in a row"):
        await workers.supervisor.run()
    assert [number for number, _ in workers.started].count(2) == TOO_OFTEN
    assert workers.pauses == [0.5, 1.0, 2.0, 4.0]
    assert not workers.pids


async def test_one_that_ends_in_order_is_started_again_without_counting(tmp_path: Path) -> None:
    """So that an operator can renew workers one by one."""
    workers = _Workers(lambda *_: "pass", count=1)

    async def enough() -> None:
        while len(workers.started) <= 2 * TOO_OFTEN:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
        workers.supervisor.stop()

    await asyncio.gather(workers.supervisor.run(), enough())
    assert set(workers.pauses) == {0.5}


async def test_one_that_does_not_stop_is_killed_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.process.supervisor._PATIENCE_S", 0.2)
    workers = _Workers(lambda number, _: STUBBORN if number == 1 else STEADY, grace_s=0.1)
    running = asyncio.create_task(workers.supervisor.run())
    await workers.listening.wait()
    workers.supervisor.stop()
    with pytest.raises(Unavailable, match="1 of 2 workers did not stop"):
        await running
    assert not workers.pids


async def test_a_worker_stops_when_its_parent_is_gone() -> None:
    ours, theirs = socket.socketpair()
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    try:
        link = WorkerLink(theirs.detach())
        link.watch()
        link.say(b"L")
        assert ours.recv(9) == b"L"
        ours.close()
        await told.wait()
        link.say(b"R")
        link.close()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def test_an_order_is_read_as_it_was_written() -> None:
    order = WorkerOrder(number=2, host="::1", port=8080, joins=True, threads=3, link=7)
    assert WorkerOrder.from_text(order.to_text()) == order


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_reserved_port_is_for_those_who_share_it(host: str) -> None:
    with reserved(host, 0) as port:
        assert port > 0
        with pytest.raises(OSError, match="in use"), closing(socket.create_server(("127.0.0.1", port))):
            pass
        with (
            closing(socket.create_server(("127.0.0.1", port), reuse_port=True)) as one,
            closing(socket.create_server(("127.0.0.1", port), reuse_port=True)),
            closing(socket.create_connection(("127.0.0.1", port))),
        ):
            assert one.getsockname()[1] == port
            with pytest.raises(OSError, match="in use"), reserved(host, port):
                pass
    with reserved(host, port) as again:
        assert again == port
