"""Faults of `bench/soak.py`. Each takes a Scene, returns when done, and ends only what that run has started."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

import matcher
from bench.load_service import run_command
from bench.load_usage import tree_of
from matcher.postgres.embedded.postmaster import Postmaster
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.roads.region.store import SAMPLE_NAME

_SAMPLE = Path(matcher.__path__[0]) / "roads" / "sample" / f"{SAMPLE_NAME}.osm.pbf"
_PATIENCE_S = 120.0
_SOON_S = 15.0
_GOOD_IN_A_ROW = 24


@dataclass
class Scene:
    """A running service on an embedded PostgreSQL, both of this run. `pause_s`: how long PostgreSQL stands still."""

    service_pid: int
    database: EmbeddedPostgres
    data_dir: Path
    pause_s: float

    @property
    def postgres_pid(self) -> int:
        """The server as it runs now; another one after a restart."""
        found = Postmaster.find(self.database.home.data)
        if found is None:
            raise RuntimeError("PostgreSQL does not run")
        return found.pid

    def workers(self) -> list[int]:
        """The processes that answer calls."""
        return sorted(pid for pid in tree_of(self.service_pid) - {self.service_pid} if _is_worker(pid))

    def wait_until_well(self, url: str, workers: int) -> float | None:
        """Seconds until all workers are ready; asked many times, as any may answer. None when they never are."""
        begin, good = time.monotonic(), 0
        while good < _GOOD_IN_A_ROW:
            if time.monotonic() > begin + _PATIENCE_S:
                return None
            good = good + 1 if len(self.workers()) == workers and _readiness(url).get("ready") else 0
            if not good:
                time.sleep(0.2)
        return round(time.monotonic() - begin, 1)

    def wait_until_index_agrees(self, url: str) -> bool:
        """Whether every worker soon has as many offers in memory as are stored; nobody publishes meanwhile."""
        stored, deadline, good = asyncio.run(self._open_offers()), time.monotonic() + _SOON_S, 0
        while good < _GOOD_IN_A_ROW and time.monotonic() < deadline:
            good = good + 1 if _readiness(url).get("offers") == stored else 0
            if not good:
                time.sleep(0.2)
        return good == _GOOD_IN_A_ROW

    async def missing(self, created: list[str]) -> int:
        """How many of the offers that were answered 201 are not stored."""
        connection = await asyncpg.connect(self.database.url)
        try:
            ids = [UUID(one) for one in created]
            return len(ids) - int(await connection.fetchval("SELECT count(*) FROM offers WHERE id = ANY ($1)", ids))
        finally:
            await connection.close()

    async def _open_offers(self) -> int:
        connection = await asyncpg.connect(self.database.url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM offers WHERE status = 'OPEN'"))
        finally:
            await connection.close()


def pause_database(scene: Scene) -> None:
    """All processes of PostgreSQL stand still for a while."""
    stopped = tree_of(scene.postgres_pid)
    try:
        for pid in stopped:
            _signal(pid, signal.SIGSTOP)
        time.sleep(scene.pause_s)
    finally:
        for pid in stopped:
            _signal(pid, signal.SIGCONT)


def stop_database(scene: Scene) -> None:
    """PostgreSQL is shut down (fast: connections are closed); the service, whose own it is, has to start it again."""
    _signal(scene.postgres_pid, signal.SIGINT)


def cut_connections(scene: Scene) -> None:
    """Every connection to the database is ended by the database."""

    async def cut() -> None:
        connection = await asyncpg.connect(scene.database.url)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        finally:
            await connection.close()

    asyncio.run(cut())


def add_region_again(scene: Scene) -> None:
    """The region that is served is imported again beside the service, which takes the new version into use."""
    done = run_command(scene.data_dir, SAMPLE_NAME, "region", "add", str(_SAMPLE), "--name", SAMPLE_NAME)
    if done.returncode != 0:
        raise RuntimeError(f"the region could not be added: {done.stderr[-500:]}")


def kill_worker(scene: Scene) -> None:
    """A worker is gone at once, with what it was working on."""
    _signal(scene.workers()[0], signal.SIGKILL)


FAULTS: dict[str, Callable[[Scene], None]] = {
    "PostgreSQL stands still": pause_database,
    "PostgreSQL is stopped": stop_database,
    "connections to it are cut": cut_connections,
    "the region is imported again": add_region_again,
    "a worker is killed": kill_worker,
}


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_worker(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"worker" in words


def _readiness(url: str) -> dict[str, Any]:
    """What /readyz says; empty when nobody answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return cast("dict[str, Any]", json.loads(connection.getresponse().read()))
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
