"""A service that tells the log how it comes up and goes down."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from matcher.operation.telemetry import QUIET, Telemetry
from matcher.settings.all import Settings
from matcher.wiring.service import Carpool, running

_log = structlog.get_logger("serve")


@asynccontextmanager
async def running_and_logged(
    chosen: Settings, *, worker: int = 1, telemetry: Telemetry = QUIET
) -> AsyncIterator[Carpool]:
    """The running service, with log lines for its beginning and its end."""
    async with running(chosen, progress=LoggedSteps(), worker=worker, telemetry=telemetry) as carpool:
        health = await carpool.check_health()
        _log.info("ready", region=health.region, offers=health.offers, version=health.version)
        yield carpool
        _log.info("stopping")
    _log.info("stopped")


class LoggedSteps:
    """Progress as log lines: one for each step when it begins, with the time that the one before it took."""

    def __init__(self) -> None:
        self._step: str | None = None
        self._began = time.perf_counter()

    def __call__(self, step: str, _done: float = 0, _total: float | None = None, /) -> None:
        """A new step is logged; progress within one is not."""
        if step == self._step:
            return
        elapsed = time.perf_counter() - self._began
        self._step, self._began = step, time.perf_counter()
        _log.info("starting", step=step, after_s=round(elapsed, 2))
