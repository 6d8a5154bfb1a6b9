"""Workers are killed, the database dies, the disk is full, under load: what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from matcher.domain.principal import Role
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.pool import Database
from matcher.wiring.commands import key_management
from tests.api.live import settings_for
from tests.integration.journals import Crowd, compare
from tests.integration.postgres.servers import running
from tests.integration.service_process import Service, command, enterable_folder, serving
from tests.integration.trip_calls import broken_promises

SETTINGS = {
    "WORKERS": "2", "RATE_SEARCH_PER_MINUTE": "0", "RATE_WRITE_PER_MINUTE": "0", "RATE_READ_PER_MINUTE": "0",
    "RATE_ADDRESS_PER_MINUTE": "0", "QUEUE_TARGET_MS": "5000", "QUEUE_LIMIT_MS": "5000",
}  # fmt: skip
#: Room for a cluster, its write-ahead log and PostgreSQL's own programs.
_DISK_MB = 700


@pytest.fixture(scope="module")
def region(with_sample: Callable[[Path], Path]) -> Iterator[Path]:
    """The bundled region, where the server's user may enter."""
    with enterable_folder() as folder:
        yield with_sample(folder) / "regions"


async def _keys(folder: Path, url: str) -> tuple[list[str], list[str]]:
    """Keys of two drivers and four riders, under the pepper of the service to come."""
    async with key_management(settings_for(folder, url)) as keys:
        made = {
            role: [(await keys.create(f"{role.value}-{n}", role, datetime.now(UTC), None))[0] for n in range(count)]
            for role, count in ((Role.DRIVER, 2), (Role.RIDER, 4))
        }
    return made[Role.DRIVER], made[Role.RIDER]


@asynccontextmanager
async def a_crowd(folder: Path, region: Path) -> AsyncIterator[tuple[Service, Crowd, EmbeddedPostgres]]:
    """Two workers on a database of their own, and clients that have begun. At the end everything is looked at."""
    (folder / "regions").symlink_to(region)
    server = EmbeddedPostgres(folder)
    await asyncio.to_thread(server.start)
    try:
        drivers, riders = await _keys(folder, server.url)
        with serving(folder, **SETTINGS) as service:
            await asyncio.to_thread(service.wait_until_ready)
            crowd = Crowd(f"http://{service.host}:{service.port}", drivers, riders)
            crowd.begin()
            await crowd.until_acknowledged(10)
            yield service, crowd, server
            await crowd.end()
            await compare(crowd.journal, await asyncio.to_thread(server.start))
            database = await Database.open(server.url, min_size=1, max_size=1)
            assert await broken_promises(database) == []
            await database.close()
            assert await asyncio.to_thread(service.stop) == 0
        checked = await asyncio.to_thread(command, folder, "check", "--sample", "1")
        assert checked.returncode == 0, checked.stdout + checked.stderr
    except BaseException as error:
        log = folder / "serve.log"
        error.add_note("\n".join((await asyncio.to_thread(log.read_text)).splitlines()[-200:]) if log.exists() else "")
        raise
    finally:
        await asyncio.to_thread(server.stop)


def _kill_a_worker(service: Service) -> None:
    """kill -9 of one of the supervisor's own children that answer calls."""
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children")
    workers = [
        int(pid)
        for pid in children.read_text(encoding="ascii").split()
        if b"api.cli.__main__" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert workers
    os.kill(workers[0], signal.SIGKILL)


def _kill_the_database(server: EmbeddedPostgres) -> None:
    """As `pg_ctl stop -m immediate` does: no checkpoint, every connection dropped."""
    os.kill(running(server).pid, signal.SIGQUIT)


async def test_killed_workers_and_a_killed_database_lose_nothing(region: Path) -> None:
    with enterable_folder() as folder:
        async with a_crowd(folder, region) as (service, crowd, server):
            await asyncio.to_thread(_kill_a_worker, service)
            await crowd.until_refused(1)
            await crowd.until_acknowledged(20)
            await asyncio.to_thread(_kill_the_database, server)  # the service starts it again by itself
            await crowd.until_refused(3)
            await crowd.until_acknowledged(30)
            await asyncio.to_thread(_kill_a_worker, service)
            await crowd.until_acknowledged(10)
        assert 500 not in crowd.journal.statuses
        assert crowd.journal.asked_again > 3


@contextmanager
def a_small_disk() -> Iterator[Path]:
    """A folder that is a file system of its own, and small. Skips the test where none can be made."""
    with enterable_folder() as folder:
        disk = folder / "disk"
        disk.mkdir()
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m,mode=711", "tmpfs", str(disk)],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _fill(ballast: Path) -> None:
    """Take all the room there is."""
    with ballast.open("wb", buffering=0) as file:
        size = 1 << 20
        while size >= 512:
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                size //= 2


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
async def test_a_full_disk_refuses_and_loses_nothing(region: Path) -> None:
    with a_small_disk() as folder:
        async with a_crowd(folder, region) as (_, crowd, _server):
            ballast = folder / "ballast"
            await asyncio.to_thread(_fill, ballast)
            await crowd.until_refused(10)
            assert crowd.journal.statuses[503] >= 1
            ballast.unlink()
            await crowd.until_acknowledged(20)
        assert 500 not in crowd.journal.statuses
