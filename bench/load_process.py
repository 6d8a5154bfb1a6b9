"""The load generator in a process of its own: fresh memory, and no interpreter lock shared with the observer."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

from bench.load_generator import Load, Plan, run_load


class LoadProcess:
    """Carries out one plan after the other."""

    def __init__(self, connection: Connection, stop: Event) -> None:
        self._connection = connection
        self._stop = stop

    def begin(self, plan: Plan) -> None:
        """Start asking."""
        self._stop.clear()
        self._connection.send(plan)

    def stop(self) -> None:
        """Ask no more; what has been asked is waited for."""
        self._stop.set()

    def is_done(self, within_s: float) -> bool:
        """Whether all calls are answered, after waiting at most so long. Raises EOFError when the process has died."""
        return self._connection.poll(within_s)

    def result(self) -> Load:
        """What came of it. Raises EOFError when the process has died."""
        load = self._connection.recv()
        assert isinstance(load, Load)
        return load


@contextmanager
def load_process() -> Iterator[LoadProcess]:
    """A fresh interpreter, gone with the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    stop = context.Event()
    process = context.Process(target=_carry_out, args=(theirs, stop), daemon=True)
    process.start()
    theirs.close()
    try:
        yield LoadProcess(ours, stop)
    finally:
        ours.close()
        process.kill()
        process.join()


def _carry_out(connection: Connection, stop: Event) -> None:
    while True:
        try:
            plan = connection.recv()
        except EOFError:
            return
        connection.send(run_load(plan, stop.is_set))
