"""The folder in which several processes of one service keep their metrics, and what the supervisor counts."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import mark_process_dead

from matcher.operation.telemetry import WORKERS_DIED, WORKERS_RUNNING, WORKERS_STARTED

#: How prometheus-client learns that there are several processes; read when it is imported, so it is set before a worker
#: starts.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "carpool-metrics-"
_NAME = re.compile(rf"{_PREFIX}(\d+)-\w+")
_COUNTS = "supervisor.json"


@contextmanager
def metrics_folder() -> Iterator[Path]:
    """A new folder, removed at the end, as are folders whose supervisor was killed. Blocks."""
    parent = Path(tempfile.gettempdir())
    for left in parent.glob(f"{_PREFIX}*"):
        found = _NAME.fullmatch(left.name)
        if found is not None and left.stat().st_uid == os.getuid() and not _is_alive(int(found[1])):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class SupervisorLog:
    """Writes down how many workers were started, have died and are running."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0
        self._running = 0
        self._died: dict[int, int] = {}

    def started(self, number: int) -> None:
        """One more. Its deaths are counted from 0 on, so that the first one shows as growth."""
        self._died.setdefault(number, 0)
        self._started += 1
        self._running += 1
        self._write()

    def ended(self, number: int, pid: int, *, by_itself: bool) -> None:
        """One less; its gauges go with it. `by_itself`: nobody had told it to stop, and it did not end in order."""
        self._running -= 1
        self._died[number] += by_itself
        mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]
        self._write()

    def _write(self) -> None:
        counts = {"started": self._started, "running": self._running, "died": self._died}
        aside = self._folder / f"{_COUNTS}.new"
        with suppress(OSError):  # counting must not take the service down
            aside.write_text(json.dumps(counts), encoding="utf-8")
            aside.replace(self._folder / _COUNTS)


class SupervisorCounts:
    """Reads them back, for whoever answers with metrics."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _COUNTS

    def collect(self) -> Iterator[Metric]:
        try:
            counts = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        yield CounterMetricFamily(WORKERS_STARTED.name, WORKERS_STARTED.help, value=counts["started"])
        yield GaugeMetricFamily(WORKERS_RUNNING.name, WORKERS_RUNNING.help, value=counts["running"])
        died = CounterMetricFamily(WORKERS_DIED.name, WORKERS_DIED.help, labels=WORKERS_DIED.labels)
        for number, times in counts["died"].items():
            died.add_metric([number], times)
        yield died
