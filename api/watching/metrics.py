"""Metrics for Prometheus: what the parts tell, and what they are asked for every few seconds.

One process keeps its numbers in memory. Of several, each writes them to files in a folder of the supervisor's
(prometheus-client's multiprocess mode), and whoever is asked adds them up: counters of workers that have died stay,
their gauges go.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import prometheus_client
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from api.watching.metrics_folder import FOLDER_VARIABLE, SupervisorCounts
from matcher.domain.errors.tree import Unavailable
from matcher.domain.match import MatchAnswer
from matcher.operation.telemetry import (
    LOOP_LAG,
    METRICS,
    SEARCH_STAGE,
    SEARCHES,
    TURNED_AWAY,
    WORKERS_DIED,
    WORKERS_RUNNING,
    WORKERS_STARTED,
    Kind,
    Metric,
    Reading,
    Telemetry,
)

REFRESH_S = 5.0
_TICK_S = 0.25
#: What the supervisor counts comes out of its file, not out of a worker.
_OF_SUPERVISOR = frozenset({WORKERS_STARTED, WORKERS_DIED, WORKERS_RUNNING})

# The moment at which each series began, as a series of its own: doubles their number, and nobody asks for it.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

_log = structlog.get_logger("api")


class PrometheusTelemetry:
    """A Telemetry whose numbers Prometheus can read. Thread-safe.

    `folder`: where all processes of the service write theirs; given by the supervisor through the environment.
    """

    def __init__(self, worker: int = 1, *, folder: Path | None = None) -> None:
        self._worker = str(worker)
        self._folder = folder
        self._registry = CollectorRegistry()
        self._metrics: dict[str, Any] = {}
        for metric in METRICS:
            if metric not in _OF_SUPERVISOR:
                declared: dict[Kind, tuple[Callable[..., Any], dict[str, Any]]] = {
                    Kind.COUNTER: (prometheus_client.Counter, {}),
                    Kind.GAUGE: (prometheus_client.Gauge, {"multiprocess_mode": "livemax"}),
                    Kind.HISTOGRAM: (prometheus_client.Histogram, {"buckets": metric.buckets}),
                }
                kind, options = declared[metric.kind]
                labels = (*(("worker",) if metric.per_worker else ()), *metric.labels)
                self._metrics[metric.name] = kind(metric.name, metric.help, labels, registry=self._registry, **options)

    @classmethod
    def of_worker(cls, worker: int) -> PrometheusTelemetry:
        """For one of several processes, in the folder that its supervisor named."""
        return cls(worker, folder=Path(os.environ[FOLDER_VARIABLE]))

    def add(self, metric: Metric, *labels: str, amount: float = 1.0) -> None:
        self._series(metric, labels).inc(amount)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        self._series(metric, labels).observe(value)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        self._series(metric, labels).set(value)

    def _series(self, metric: Metric, labels: tuple[str, ...]) -> Any:
        found = self._metrics[metric.name]
        all_labels = (self._worker, *labels) if metric.per_worker else labels
        return found.labels(*all_labels) if all_labels else found

    async def render(self, accept: str = "") -> tuple[bytes, str]:
        """(the metrics of all processes, their media type), in the form of Prometheus or OpenMetrics."""
        return await asyncio.to_thread(render, self._registry, self._folder, accept)


def render(own: CollectorRegistry | None, folder: Path | None, accept: str) -> tuple[bytes, str]:
    """From the files of the folder, or from one process's own registry. Reads files."""
    registry = own
    if folder is not None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
        registry.register(SupervisorCounts(folder))
    assert registry is not None, "metrics are in a folder or in a registry"
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


def note_search(telemetry: Telemetry, answer: MatchAnswer) -> None:
    """Count a search: its stages, what turned offers away, and whether somebody was found."""
    for stage, spent_ms in answer.stages_ms.items():
        telemetry.observe(SEARCH_STAGE, spent_ms / 1000, stage)
    for reason, count in answer.turned_away.items():
        if count:
            telemetry.add(TURNED_AWAY, reason.value, amount=count)
    telemetry.add(SEARCHES, "matched" if answer.matches else "empty")


class Refresher:
    """Asks every part for its number; a part that is away keeps the one it had, and keeps nobody from being asked."""

    def __init__(self, telemetry: Telemetry, readings: Iterable[Reading]) -> None:
        self._telemetry = telemetry
        self._readings = tuple(readings)
        self._totals: dict[int, float] = {}

    async def ask(self, *, elsewhere: bool) -> None:
        """Ask those of the process itself, or those that are asked for elsewhere, in their order."""
        for number, reading in enumerate(self._readings):
            if reading.elsewhere is not elsewhere:
                continue
            try:
                value = reading.read()
                if isinstance(value, Awaitable):
                    value = await value
            except Unavailable:
                continue
            except Exception as error:  # noqa: BLE001  # one broken number must not hide the others
                _log.warning("a metric cannot be read", metric=reading.metric.name, kind=type(error).__name__)
                continue
            if reading.metric.kind is Kind.GAUGE:
                self._telemetry.set(reading.metric, value, *reading.labels)
            elif (grown := value - self._totals.get(number, 0.0)) > 0:
                self._telemetry.add(reading.metric, *reading.labels, amount=grown)
                self._totals[number] = value

    async def run(self, every_s: float = REFRESH_S) -> None:
        """Until cancelled: ask, and between two askings see how late the event loop gets."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_process(every_s))
            group.create_task(self._watch_elsewhere(every_s))

    async def _watch_elsewhere(self, every_s: float) -> None:
        while True:
            await self.ask(elsewhere=True)
            await asyncio.sleep(every_s)

    async def _watch_process(self, every_s: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self.ask(elsewhere=False)
            ends, worst = loop.time() + every_s, 0.0
            while (now := loop.time()) < ends:
                await asyncio.sleep(_TICK_S)
                worst = max(worst, loop.time() - now - _TICK_S)
            self._telemetry.set(LOOP_LAG, worst)


Render = Callable[[str], Awaitable[tuple[bytes, str]]]
