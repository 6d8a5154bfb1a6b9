"""Who may reach the embedded server, as whom it runs, and where its files lie."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from matcher.domain.errors.tree import InvalidField
from matcher.postgres.embedded import programs
from matcher.postgres.embedded.postmaster import SOCKET_PATH_LIMIT, Postmaster
from matcher.postgres.embedded.programs import find_programs
from matcher.postgres.embedded.server import EmbeddedPostgres
from tests.integration.postgres.servers import ask, running, until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    base = tmp_path_factory.getbasetemp()
    fallback = Path("/var/tmp") / f"carpool-test-{os.getpid()}"  # noqa: S108 - pytest's own folders are closed to others
    server = EmbeddedPostgres(base / "data", durable=False, data_dir_is_default=True, fallback_root=fallback)
    with server:
        yield server
    shutil.rmtree(fallback, ignore_errors=True)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_it_does_not_listen_on_tcp(server: EmbeddedPostgres) -> None:
    assert await ask(server.url, "SHOW listen_addresses") == ""


async def test_every_access_rule_asks_for_the_password(server: EmbeddedPostgres) -> None:
    methods = "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules"
    assert await ask(server.url, methods) == ["scram-sha-256"]
    assert await ask(server.url, "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'carpool'")


@pytest.mark.parametrize("password", ["", "guess"])
async def test_the_socket_refuses_a_wrong_password(server: EmbeddedPostgres, password: str) -> None:
    with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InterfaceError)):
        await ask(server.url, "SELECT 1", password=password)


async def test_were_tcp_turned_on_it_would_ask_for_the_password(
    enterable_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", str(enterable_folder / "none"))
    server = EmbeddedPostgres(enterable_folder, durable=False)
    url = await asyncio.to_thread(server.start)
    await asyncio.to_thread(server.stop)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = server.home
    postgres = (await asyncio.to_thread(find_programs, home.folder, home.user, print)).postgres
    settings = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={home.folder / 'socket'}"]
    command = [str(postgres), "-D", str(home.data), *(word for setting in settings for word in ("-c", setting))]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | home.user.process_options()
    process = await asyncio.to_thread(lambda: subprocess.Popen(command, **quiet))

    async def is_ready() -> bool:
        found = await asyncio.to_thread(Postmaster.find, home.data)
        return found is not None and found.ready

    try:
        await until(is_ready)
        by_tcp = f"postgresql://carpool@127.0.0.1:{port}/carpool"
        for wrong in (None, "guess"):
            with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InterfaceError)):
                await ask(by_tcp, "SELECT 1", password=wrong)
        assert await ask(by_tcp, "SELECT inet_server_port()", password=urlsplit(url).password) == port
    finally:
        process.send_signal(signal.SIGINT)
        await asyncio.to_thread(process.wait)


def test_files_are_closed_to_others(server: EmbeddedPostgres) -> None:
    home = server.home
    assert _mode(home.password_file) == 0o600
    assert _mode(home.log_file) == 0o600
    assert _mode(home.data) == 0o700
    assert _mode(running(server).socket_folder) == 0o700
    assert _mode(home.folder) & 0o066 == 0


def test_a_password_that_was_opened_to_others_is_closed_again(server: EmbeddedPostgres) -> None:
    server.home.password_file.chmod(0o644)
    server.start()
    assert _mode(server.home.password_file) == 0o600


def test_every_cluster_has_a_password_of_its_own(server: EmbeddedPostgres, enterable_folder: Path) -> None:
    with EmbeddedPostgres(enterable_folder, durable=False) as other:
        secrets = {urlsplit(other.url).password, urlsplit(server.url).password}
    assert len(secrets) == 2
    assert all(secret is not None and len(secret) >= 40 for secret in secrets)


def test_a_deep_folder_gets_a_short_private_socket_that_goes_with_the_server(enterable_folder: Path) -> None:
    deep = enterable_folder
    for _ in range(3):
        deep = deep / ("d" * 60)
        deep.mkdir()
        deep.chmod(0o711)
    server = EmbeddedPostgres(deep, durable=False)
    server.start()
    folder = running(server).socket_folder
    assert parse_qs(urlsplit(server.url).query)["host"] == [str(folder)]
    assert len(os.fsencode(folder)) < SOCKET_PATH_LIMIT < len(os.fsencode(server.home.folder / "socket"))
    assert _mode(folder) == 0o700
    server.stop()
    assert not folder.exists()


async def test_a_deep_folder_can_be_used(enterable_folder: Path) -> None:
    deep = enterable_folder / ("d" * 120)
    server = EmbeddedPostgres(deep, durable=False)
    try:
        assert await ask(await asyncio.to_thread(server.start), "SELECT 1") == 1
    finally:
        await asyncio.to_thread(server.stop)


@as_root
def test_root_hands_the_server_to_nobody(server: EmbeddedPostgres) -> None:
    status = Path(f"/proc/{running(server).pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["65534"] * 4
    assert fields["Gid"].split() == ["65534"] * 4
    assert fields["Groups"].split() == []
    assert server.home.data.stat().st_uid == 65534
    assert server.home.password_file.stat().st_uid == 0


@as_root
def test_a_default_folder_that_is_closed_is_left_closed_and_another_one_used(
    tmp_path: Path, enterable_folder: Path
) -> None:
    tmp_path.chmod(0o700)
    server = EmbeddedPostgres(
        tmp_path / ".carpool", durable=False, data_dir_is_default=True, fallback_root=enterable_folder / "lib"
    )
    with server:
        assert server.home.folder.parent == enterable_folder / "lib"
        assert tmp_path.name not in {path.name for path in server.home.folder.parents}
    again = EmbeddedPostgres(
        tmp_path / ".carpool", durable=False, data_dir_is_default=True, fallback_root=enterable_folder / "lib"
    )
    other = EmbeddedPostgres(
        tmp_path / "other" / ".carpool", durable=False, data_dir_is_default=True, fallback_root=enterable_folder / "lib"
    )
    with again, other:
        assert again.home == server.home
        assert other.home != server.home
    assert _mode(tmp_path) == 0o700


@as_root
def test_a_chosen_folder_that_is_closed_is_refused_with_advice(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(InvalidField, match="choose a data folder") as refusal:
        EmbeddedPostgres(tmp_path / "data", durable=False).start()
    assert refusal.value.faults[0].pointer == "/data_dir"
    assert _mode(tmp_path) == 0o700


@as_root
def test_programs_out_of_the_servers_reach_are_copied_once(
    tmp_path: Path, enterable_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = programs._package_folder()
    tmp_path.chmod(0o700)
    for name in (wheel.name, f"{wheel.name}.libs"):
        (tmp_path / name).symlink_to(wheel.parent / name)
    monkeypatch.setattr(programs, "_package_folder", lambda: tmp_path / wheel.name)
    leftover = enterable_folder / "postgres" / "programs" / ".copying-killed"
    leftover.mkdir(parents=True)
    leftover.parent.parent.chmod(0o711)
    steps: list[str] = []
    with EmbeddedPostgres(enterable_folder, durable=False, progress=lambda step, *_: steps.append(step)) as server:
        program = Path(f"/proc/{running(server).pid}/cmdline").read_text().split("\0")[0]
        assert Path(program).is_relative_to(server.home.folder / "programs")
    assert [step for step in steps if "copying" in step] == [steps[0]]
    assert not leftover.exists()
    steps.clear()
    with EmbeddedPostgres(enterable_folder, durable=False, progress=lambda step, *_: steps.append(step)):
        assert steps == []
