"""Several processes that answer on one port: started, watched, replaced when they die, and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from api.process.server import first_of
from api.process.worker_link import LISTENING, LOADED
from api.watching.metrics_folder import SupervisorLog
from matcher.domain.errors.tree import Unavailable

#: A worker that lived this long had got over whatever ailed the one before it.
SETTLED_S = 60.0
#: So many deaths in a row of one worker, none of which had settled, and the service gives up.
TOO_OFTEN = 5
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0
#: Beyond the time that calls in progress are given: loops end, connections are closed.
_PATIENCE_S = 15.0

_log = structlog.get_logger("supervisor")


class Supervisor:
    """Keeps `count` workers running. `command(number, joins, link)` starts one; `link` is its end of a socket pair."""

    def __init__(
        self,
        command: Callable[[int, bool, int], Sequence[str]],
        count: int,
        *,
        grace_s: float,
        on_listening: Callable[[], None],
        watch: SupervisorLog | None = None,
        environment: Mapping[str, str] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = command
        self._count = count
        self._grace_s = grace_s
        self._on_listening = on_listening
        self._watch = watch
        self._environment = None if environment is None else {**os.environ, **environment}
        self._sleep = sleep
        self._clock = clock
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._listening: set[int] = set()
        self._told = False
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Stop all workers in order; `run` returns when they have."""
        self._stop.set()

    async def run(self) -> None:
        """Until `stop`. Raises Unavailable when a worker keeps dying, or one has to be killed at the end."""
        keepers = [asyncio.create_task(self._keep(number)) for number in range(1, self._count + 1)]
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([*keepers, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stop.set()
            stopping.cancel()
            killed = await self._end_all()
            outcomes = await asyncio.gather(*keepers, return_exceptions=True)
        errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if errors:
            raise errors[0]
        if killed:
            raise Unavailable(f"{killed} of {self._count} workers did not stop and were killed")

    async def _keep(self, number: int) -> None:
        """One worker after another under the same number."""
        failures, joins = 0, False
        while not self._stop.is_set():
            began = self._clock()
            code = await self._live(number, joins)
            if self._stop.is_set():
                return
            joins = True
            failures = 0 if code == 0 or self._clock() - began >= SETTLED_S else failures + 1
            if failures >= TOO_OFTEN:
                raise Unavailable(f"worker {number} died {failures} times in a row: see what it said above")
            pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** max(0, failures - 1))
            _log.warning("worker ended", number=number, code=code, deaths_in_a_row=failures, another_in_s=pause_s)
            await first_of(self._sleep(pause_s), self._stop.wait())

    async def _live(self, number: int, joins: bool) -> int:
        """From the start of a process to its end; returns its exit code, negative for a signal's number."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                command = self._command(number, joins, theirs.fileno())
                process = await asyncio.create_subprocess_exec(
                    *command, pass_fds=[theirs.fileno()], env=self._environment
                )
            self._running[number] = process
            if self._watch is not None:
                self._watch.started(number)
            if self._stop.is_set():
                process.terminate()
            _log.info("worker started", number=number, pid=process.pid)
            ours.setblocking(False)
            listening = asyncio.create_task(self._listen(number, ours))
            try:
                return await process.wait()
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
                del self._running[number]
                if self._watch is not None:
                    died = not self._stop.is_set() and process.returncode != 0
                    self._watch.ended(number, process.pid, by_itself=died)

    async def _listen(self, number: int, link: socket.socket) -> None:
        """What the worker says of itself, until it has nothing more to say."""
        loop = asyncio.get_running_loop()
        while words := await loop.sock_recv(link, 16):
            if LOADED in words:
                _log.info("worker ready", number=number)
            if LISTENING in words:
                self._listening.add(number)
            if len(self._listening) == self._count and not self._told:
                self._told = True
                self._on_listening()

    def look_for_new_region(self) -> None:
        """Have every worker look at once whether a new version of the region lies on disk."""
        for process in self._running.values():
            _send(process, signal.SIGHUP)

    async def _end_all(self) -> int:
        """SIGTERM, and after the time for calls in progress SIGKILL; returns how many that took."""
        running = list(self._running.values())
        for process in running:
            _send(process, signal.SIGTERM)
        ends = [asyncio.create_task(process.wait()) for process in running]
        if not ends:
            return 0
        _, late = await asyncio.wait(ends, timeout=self._grace_s + _PATIENCE_S)
        for end, process in zip(ends, running, strict=True):
            if end in late:
                _send(process, signal.SIGKILL)
        if late:
            await asyncio.wait(late)
        return len(late)


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
