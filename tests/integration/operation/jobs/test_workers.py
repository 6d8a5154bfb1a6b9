"""`carpool serve --workers 2`: processes on one port, one database, and what happens when one is killed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="module")
def keys(data_dir: Path) -> tuple[str, str]:
    """(driver's key, rider's key), made while nothing runs."""
    return make_key(data_dir, "driver", "dora"), make_key(data_dir, "rider", "rita")


class Wire:
    """One connection, and so one worker: the kernel hands a connection to a process, not a call."""

    def __init__(self, service: Service) -> None:
        self._connection = http.client.HTTPConnection(service.host, service.port, timeout=30)

    def call(self, method: str, path: str, key: str | None = None, body: Any = None, **headers: str) -> tuple[int, Any]:
        """(status, parsed body). An underscore in a header's name is a hyphen."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()} | {
            "Content-Type": "application/json"
        }
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def matched(self, key: str) -> set[str]:
        """The offers that this worker finds."""
        status, answer = self.call("POST", "/v1/match", key, {**a_search(), "limit": 50})
        assert status == 200, answer
        return {match["offer_id"] for match in answer["matches"]}

    def close(self) -> None:
        self._connection.close()


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for something that other processes do."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@contextmanager
def wire_to(service: Service, worker: int) -> Iterator[Wire]:
    """A connection that one of the workers has taken, ready; the others are tried and let go."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with closing(Wire(service)) as wire:
            try:
                status, said = wire.call("GET", "/readyz")
            except OSError:  # taken by a worker that was killed in this moment
                continue
            if status == 200 and said["worker"] == worker:
                yield wire
                return
        time.sleep(0.02)
    raise AssertionError(f"worker {worker} does not answer")


def workers_of(service: Service) -> dict[int, int]:
    """Process ids by worker number."""
    found: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            continue
        if b"worker" in words and parent == str(service.process.pid):
            order = json.loads(words[words.index(b"worker") + 1])
            found[order["number"]] = int(entry.name)
    return found


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def publish(wire: Wire, key: str, once: str | None = None) -> str:
    headers = {} if once is None else {"Idempotency_Key": once}
    status, offer = wire.call("POST", "/v1/offers", key, a_trip(), **headers)
    assert status == 201, offer
    return str(offer["id"])


def test_workers_answer_alike_and_one_that_is_killed_is_replaced(data_dir: Path, keys: tuple[str, str]) -> None:
    driver, rider = keys
    with serving(data_dir, WORKERS="2") as service:
        with wire_to(service, 1) as one, wire_to(service, 2) as two:
            first = publish(one, driver)
            assert first in one.matched(rider), "a worker finds at once what it has taken"
            eventually(lambda: first in two.matched(rider))
            status, _ = two.call("DELETE", f"/v1/offers/{first}", driver)
            assert status == 200
            eventually(lambda: first not in one.matched(rider))
            kept = publish(two, driver, "once")
            assert publish(one, driver, "once") == kept, "a repeated call is known to every worker"
            killed = workers_of(service)
            os.kill(killed[2], signal.SIGKILL)
            while_away = publish(one, driver)
            assert {kept, while_away} <= one.matched(rider)
        with wire_to(service, 2) as again:
            assert workers_of(service)[2] != killed[2]
            assert workers_of(service)[1] == killed[1]
            assert {kept, while_away} <= again.matched(rider), "one that joins has read everything before it listens"
        processes = workers_of(service)
        assert service.stop() == 0
    assert not [pid for pid in processes.values() if lives(pid)]
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists(), "the last to go stops the database"


def test_a_second_service_on_the_port_is_refused_and_workers_end_when_their_parent_is_killed(data_dir: Path) -> None:
    with serving(data_dir, WORKERS="2") as service:
        with wire_to(service, 1), wire_to(service, 2):
            processes = workers_of(service)
        refused = process(data_dir, "serve", "--workers", "2", "--port", str(service.port))
        assert refused.returncode == 1, "although workers share the port"
        assert f"port {service.port} of 127.0.0.1 is in use" in refused.stderr
        service.kill()
        eventually(lambda: not [pid for pid in processes.values() if lives(pid)])
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()


def test_what_no_worker_could_do_without_is_said_once_and_ends_it(data_dir: Path) -> None:
    refused = process(data_dir, "serve", "--workers", "3", "--port", "0", REGION="atlantis")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.splitlines()[-1].startswith("carpool: there is no region atlantis here")
    assert "Traceback" not in refused.stderr


def test_all_workers_take_up_new_speeds_when_told_to(data_dir: Path, keys: tuple[str, str]) -> None:
    driver, rider = keys
    (data_dir / "slow.csv").write_text("class,hour_from,hour_to,days,factor\n*,0,24,all,2\n")
    with (
        serving(data_dir, WORKERS="2", REGION_WATCH_S="3600") as service,
        wire_to(service, 1) as one,
        wire_to(service, 2) as two,
    ):
        status, published = one.call("POST", "/v1/offers", driver, a_trip())
        assert status == 201
        eventually(lambda: published["id"] in two.matched(rider))
        assert command(data_dir, "region", "speeds", "slow.csv").returncode == 0
        try:
            service.process.send_signal(signal.SIGHUP)
            for wire in (one, two):
                eventually(lambda wire=wire: ride_s(wire, rider, published["id"]) > 1.9 * published["duration_s"])  # type: ignore[misc]
        finally:
            assert command(data_dir, "region", "speeds", "--clear").returncode == 0
        status, offer = two.call("GET", f"/v1/offers/{published['id']}", driver)
        assert (status, offer["version"]) == (200, 1)
        assert offer["duration_s"] > 1.9 * published["duration_s"]
        assert one.call("DELETE", f"/v1/offers/{published['id']}", driver)[0] == 200
        assert service.stop() == 0


def ride_s(wire: Wire, rider: str, offer_id: str) -> float:
    """How long this worker says that the rider of `a_search` rides with an offer."""
    status, answer = wire.call("POST", "/v1/match", rider, {**a_search(), "limit": 50})
    assert status == 200, "no search fails while the region is replaced"
    return float(next(match["ride_s"] for match in answer["matches"] if match["offer_id"] == offer_id))
