"""`carpool serve` on its embedded database: kills, stops, and a PostgreSQL that dies under it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from tests.integration.service_process import (
    PATIENCE_S,
    Service,
    a_search,
    a_trip,
    command,
    enterable_folder,
    make_key,
    process,
    serving,
)


@pytest.fixture(scope="module")
def data_dir(with_sample: Callable[[Path], Path]) -> Iterator[Path]:
    """One embedded database and one imported region for these tests."""
    with enterable_folder() as folder:
        yield with_sample(folder)
        leftover = _postmaster(folder)
        if leftover is not None:
            os.kill(leftover, signal.SIGQUIT)


@pytest.fixture(scope="module")
def keys(data_dir: Path) -> tuple[str, str]:
    """(driver's key, rider's key), made while nothing runs."""
    return make_key(data_dir, "driver", "dora"), make_key(data_dir, "rider", "rita")


def _postmaster(data_dir: Path) -> int | None:
    pid_file = data_dir / "postgres" / "data" / "postmaster.pid"
    return int(pid_file.read_text().splitlines()[0]) if pid_file.exists() else None


def _matched(service: Service, key: str) -> set[str]:
    status, _, answer = service.call("POST", "/v1/match", key, {**a_search(), "limit": 50})
    assert status == 200, answer
    return {match["offer_id"] for match in answer["matches"]}


def _published(service: Service, key: str) -> str:
    status, _, offer = service.call("POST", "/v1/offers", key, a_trip())
    assert status == 201, offer
    return str(offer["id"])


def test_what_was_answered_201_survives_a_kill(data_dir: Path, keys: tuple[str, str]) -> None:
    driver, rider = keys
    with serving(data_dir) as service:
        service.wait_until_ready()
        offers = {_published(service, driver) for _ in range(3)}
        service.kill()
    with serving(data_dir) as service:
        assert service.wait_until_ready()["offers"] >= 3
        assert offers <= _matched(service, rider)
        assert service.stop() == 0
    assert _postmaster(data_dir) is None, "the last service to stop stops the database"


async def test_a_stop_finishes_what_is_in_progress_and_takes_nothing_new(data_dir: Path, fresh_database: str) -> None:
    """The table is locked while a trip is published, so that the call lasts as long as the test wants."""
    driver, rider = (make_key(data_dir, role, role, DATABASE_URL=fresh_database) for role in ("driver", "rider"))
    connection = await asyncpg.connect(fresh_database)
    with serving(data_dir, DATABASE_URL=fresh_database) as service:
        service.wait_until_ready()
        async with connection.transaction():
            await connection.execute("LOCK TABLE offers IN EXCLUSIVE MODE")
            call = asyncio.create_task(asyncio.to_thread(_published, service, driver))
            while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            service.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(_wait_until_refused, service)
            assert not call.done()
        offer_id = await call
        assert await asyncio.to_thread(service.process.wait, PATIENCE_S) == 0
    await connection.close()
    with serving(data_dir, DATABASE_URL=fresh_database) as service:
        service.wait_until_ready()
        assert _matched(service, rider) == {offer_id}


def _wait_until_refused(service: Service) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection((service.host, service.port), timeout=5).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.02)
    raise AssertionError("the service goes on listening")


def test_a_database_that_dies_is_503_and_comes_back_without_a_restart(data_dir: Path, keys: tuple[str, str]) -> None:
    driver, rider = keys
    with serving(data_dir) as service:
        service.wait_until_ready()
        before = _published(service, driver)
        postmaster = _postmaster(data_dir)
        assert postmaster is not None
        os.kill(postmaster, signal.SIGQUIT)
        acknowledged, refused = {before}, 0
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            status, headers, answer = service.call("POST", "/v1/offers", driver, a_trip())
            if status == 201:
                acknowledged.add(answer["id"])
                if refused:
                    break
            else:
                assert status == 503, answer
                assert answer["code"] == "database_unavailable"
                assert int(headers["Retry-After"]) > 0
                refused += 1
            time.sleep(0.05)
        assert refused, "the database was never away"
        assert len(acknowledged) >= 2, "the service did not recover"
        assert service.wait_until_ready()["checks"]["database"] == "ok"
        assert acknowledged <= _matched(service, rider)
        assert _postmaster(data_dir) != postmaster


def test_a_key_made_and_revoked_beside_a_running_service_is_followed(data_dir: Path) -> None:
    with serving(data_dir, KEY_CACHE_S="0") as service:
        service.wait_until_ready()
        key = make_key(data_dir, "rider", "ruth")
        assert service.call("GET", "/v1/geocode?q=Balmaceda", key)[0] == 200
        listed = json.loads(command(data_dir, "keys", "list", "--json").stdout)
        key_id = next(one["id"] for one in listed if one["user"] == "ruth")
        assert command(data_dir, "keys", "revoke", key_id).returncode == 0
        assert service.call("GET", "/v1/geocode?q=Balmaceda", key)[0] == 401


def test_a_port_that_is_taken_is_said_in_one_line(data_dir: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        refused = process(data_dir, "serve", "--port", str(port))
    assert refused.returncode == 1
    lines = [line for line in refused.stderr.splitlines() if line.startswith("carpool: ")]
    assert len(lines) == 1
    assert f"port {port} of 127.0.0.1 is in use" in lines[0]
    assert "--port" in lines[0]
    assert "Traceback" not in refused.stderr


def test_a_service_that_cannot_load_ends_with_what_to_do(data_dir: Path) -> None:
    refused = process(data_dir, "serve", "--port", "0", REGION="atlantis")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith("carpool: there is no region atlantis here")


def test_health_tells_ready_from_not(data_dir: Path) -> None:
    with serving(data_dir) as service:
        service.wait_until_ready()
        url = f"http://{service.host}:{service.port}"
        well = command(data_dir, "health", "--url", url)
        assert well.returncode == 0, well.stderr
        assert "coquimbo" in well.stdout
        service.stop()
    unwell = command(data_dir, "health", "--url", url)
    assert unwell.returncode == 1
    assert unwell.stderr.startswith(f"carpool: no service answers at {url}")
