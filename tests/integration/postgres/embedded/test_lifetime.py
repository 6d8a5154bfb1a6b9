"""Starting, sharing, stopping and surviving: the embedded server from the first start to kill -9."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.postgres.embedded.postmaster import Postmaster
from matcher.postgres.embedded.server import EmbeddedPostgres
from tests.integration.postgres.servers import (
    ask,
    end,
    is_stopped,
    kill_at_once,
    reported_pid,
    run_starter,
    running,
    until,
)


@pytest.fixture
def server(enterable_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(enterable_folder, durable=False)
    yield server
    server.stop()


async def _write(url: str) -> None:
    await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")


async def _kept(url: str) -> object:
    return await ask(url, "SELECT answer FROM kept")


async def test_what_was_written_is_there_after_a_stop_and_a_start(server: EmbeddedPostgres) -> None:
    url = await asyncio.to_thread(server.start)
    assert server.url == url
    await _write(url)
    pid = (await asyncio.to_thread(running, server)).pid
    await asyncio.to_thread(server.stop)
    assert await asyncio.to_thread(is_stopped, server)
    assert await asyncio.to_thread(server.start) == url
    assert (await asyncio.to_thread(running, server)).pid != pid
    assert await _kept(url) == 42


def test_starting_twice_is_starting_once(server: EmbeddedPostgres) -> None:
    server.start()
    pid = running(server).pid
    server.start()
    assert running(server).pid == pid
    server.stop()
    assert is_stopped(server)
    server.stop()


def test_the_last_of_two_users_stops_the_server(server: EmbeddedPostgres, enterable_folder: Path) -> None:
    server.start()
    other = EmbeddedPostgres(enterable_folder, durable=False)
    assert other.start() == server.url
    pid = running(server).pid
    server.stop()
    assert running(other).pid == pid
    other.stop()
    assert is_stopped(other)


def test_two_processes_that_start_at_once_share_one_server(server: EmbeddedPostgres, enterable_folder: Path) -> None:
    starters = [run_starter(enterable_folder) for _ in range(3)]
    pids = [reported_pid(starter) for starter in starters]
    assert len(set(pids)) == 1
    end(starters[0])
    server.start()
    assert running(server).pid == pids[0]
    end(starters[1])
    end(starters[2])
    assert running(server).pid == pids[0]
    server.stop()
    assert is_stopped(server)


async def test_a_server_whose_user_was_killed_is_taken_over(server: EmbeddedPostgres, enterable_folder: Path) -> None:
    starter = run_starter(enterable_folder)
    pid = reported_pid(starter)
    starter.kill()
    starter.communicate()
    url = await asyncio.to_thread(server.start)
    assert (await asyncio.to_thread(running, server)).pid == pid
    assert await ask(url, "SELECT 1") == 1
    await asyncio.to_thread(server.stop)
    assert await asyncio.to_thread(is_stopped, server)


async def test_a_killed_server_starts_again_with_all_that_was_committed(server: EmbeddedPostgres) -> None:
    url = await asyncio.to_thread(server.start)
    await _write(url)
    await asyncio.to_thread(kill_at_once, server)
    assert (server.home.data / "postmaster.pid").exists()
    assert await asyncio.to_thread(server.start) == url
    assert await _kept(url) == 42


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs /proc to tell processes apart")
def test_stale_locks_whose_number_is_in_use_again_do_not_stop_a_start(server: EmbeddedPostgres) -> None:
    server.start()
    locks = [server.home.data / "postmaster.pid", running(server).socket_folder / ".s.PGSQL.5432.lock"]
    left_behind = [lock.read_text().splitlines() for lock in locks]
    server.stop()
    # One of the server's own user: PostgreSQL disregards the processes of others.
    somebody_else = subprocess.Popen(["sleep", "600"], **server.home.user.process_options())
    try:
        for lock, lines in zip(locks, left_behind, strict=True):
            lock.write_text("\n".join([str(somebody_else.pid), *lines[1:]]) + "\n")
        assert is_stopped(server)
        server.start()
        assert running(server).pid != somebody_else.pid
    finally:
        somebody_else.kill()
        somebody_else.wait()


def test_what_a_killed_first_start_left_is_cleared_away(server: EmbeddedPostgres, enterable_folder: Path) -> None:
    leftover = enterable_folder / "postgres" / "data.new" / "data"
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18\n")
    for folder in (enterable_folder / "postgres", leftover.parent):
        folder.chmod(0o711)
    server.start()
    assert not leftover.parent.exists()
    assert running(server).ready


def test_every_slow_step_is_announced(enterable_folder: Path) -> None:
    steps: list[str] = []
    with EmbeddedPostgres(enterable_folder, durable=False, progress=lambda step, *_: steps.append(step)):
        assert steps == ["making a new database"]
    with EmbeddedPostgres(enterable_folder, durable=False, progress=lambda step, *_: steps.append(step)):
        assert steps == ["making a new database"]


def test_data_of_another_major_version_is_refused_and_left_alone(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    version = server.home.data / "PG_VERSION"
    ours = version.read_text()
    version.write_text("15\n")
    with pytest.raises(DatabaseUnavailable, match="made by PostgreSQL 15"):
        server.start()
    version.write_text(ours)
    server.start()


def test_a_damaged_cluster_is_reported_in_the_words_of_postgresql(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    control = server.home.data / "global" / "pg_control"
    control.rename(control.with_suffix(".away"))
    with pytest.raises(DatabaseUnavailable, match=r"did not start; it said: .*pg_control"):
        server.start()
    assert is_stopped(server)


def test_a_lost_password_is_reported(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    server.home.password_file.unlink()
    with pytest.raises(DatabaseUnavailable, match="password"):
        server.start()
    assert is_stopped(server)


def test_a_place_that_cannot_hold_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DatabaseUnavailable, match="cannot be kept in"):
        EmbeddedPostgres(tmp_path / "file" / "data").start()


def test_a_failed_start_leaves_nobody_counted_as_a_user(server: EmbeddedPostgres, enterable_folder: Path) -> None:
    server.start()
    server.stop()
    server.home.password_file.rename(server.home.folder / "away")
    with pytest.raises(DatabaseUnavailable):
        server.start()
    (server.home.folder / "away").rename(server.home.password_file)
    other = EmbeddedPostgres(enterable_folder, durable=False)
    other.start()
    other.stop()
    assert is_stopped(other)


async def test_connected_clients_do_not_keep_the_server_from_stopping(server: EmbeddedPostgres) -> None:
    url = await asyncio.to_thread(server.start)
    sleeper = asyncio.create_task(ask(url, "SELECT pg_sleep(600)"))

    async def sleeps() -> bool:
        return bool(await ask(url, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"))

    await until(sleeps)
    await asyncio.to_thread(server.stop)
    assert await asyncio.to_thread(is_stopped, server)
    with pytest.raises(Exception, match=r"terminat|clos"):
        await sleeper


def test_a_server_that_ignores_a_polite_stop_is_made_to(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.start()
    asked: list[signal.Signals] = []
    real = Postmaster.ask

    def deaf_to_politeness(self: Postmaster, request: signal.Signals, data: Path, *, patience_s: float) -> bool:
        asked.append(request)
        return request is not signal.SIGINT and real(self, request, data, patience_s=patience_s)

    monkeypatch.setattr(Postmaster, "ask", deaf_to_politeness)
    server.stop()
    assert asked == [signal.SIGINT, signal.SIGQUIT]
    assert is_stopped(server)
