"""The command line as other programs see it: processes, their output, their exit codes, and a service to call."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
PLACE = {"lat": -29.953, "lon": -71.338}
ADDRESS = {"address": "Balmaceda & Brasil, La Serena"}
_LISTENING = re.compile(r"Listening on http://([\d.]+):(\d+)")


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The caller's environment without any settings of their own, and these."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("CARPOOL_", "COLUMNS"))}
    chosen = {f"CARPOOL_{name}": value for name, value in settings.items()}
    return {**bare, "PYTHONPATH": str(ROOT), "CARPOOL_DATA_DIR": str(data_dir), **chosen}


def command(data_dir: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `carpool …` to its end, in a folder without an `.env`."""
    return subprocess.run(
        [sys.executable, "-m", "api.cli.__main__", *words],
        env=environment(data_dir, **settings),
        cwd=data_dir,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def make_key(data_dir: Path, role: str, user: str, **settings: str) -> str:
    """A key from `carpool keys create`."""
    made = command(data_dir, "keys", "create", "--role", role, "--user", user, **settings)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def tomorrow_at(clock: str) -> datetime:
    """A moment of tomorrow, where the sample region is."""
    hour, minute = map(int, clock.split(":"))
    tomorrow = datetime.now(ZoneInfo("America/Santiago")) + timedelta(days=1)
    return tomorrow.replace(hour=hour, minute=minute, second=0, microsecond=0)


def a_trip() -> dict[str, Any]:
    """The body of an offer."""
    departure = tomorrow_at("07:45").isoformat()
    return {"origin": PLACE, "destination": ADDRESS, "departure": departure, "seats": 3}


def a_search() -> dict[str, Any]:
    """The body of a search that `a_trip` fits."""
    window = {"earliest": tomorrow_at("07:30").isoformat(), "latest": tomorrow_at("08:30").isoformat()}
    return {"origin": PLACE, "destination": ADDRESS, "departure": window}


@dataclass
class Service:
    """A running `carpool serve`."""

    process: subprocess.Popen[str]
    host: str
    port: int

    def call(self, method: str, path: str, key: str | None = None, body: Any = None) -> tuple[int, dict[str, str], Any]:
        """(status, headers, parsed body)."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body)
        try:
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), json.loads(response.read() or b"null")
        finally:
            connection.close()

    def wait_until_ready(self) -> dict[str, Any]:
        """What /readyz says once it is 200."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the service has ended"
            status, _, said = self.call("GET", "/readyz")
            if status == 200:
                ready: dict[str, Any] = said
                return ready
            time.sleep(0.1)
        raise AssertionError("the service did not become ready")

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """SIGKILL: no time for anything."""
        self.process.kill()
        self.process.wait(PATIENCE_S)


@contextmanager
def enterable_folder() -> Iterator[Path]:
    """A folder that the database server's user may enter also when tests run as root; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="carpool-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(data_dir: Path, **settings: str) -> Iterator[Service]:
    """`carpool serve --port 0`, listening but perhaps not ready; killed at the end if it still runs."""
    with (data_dir / "serve.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli.__main__", "serve", "--port", "0"],
            env=environment(data_dir, **settings),
            cwd=data_dir,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdout is not None
        try:
            found = _LISTENING.search(process.stdout.readline())
            assert found is not None, (data_dir / "serve.log").read_text()
            yield Service(process, found[1], int(found[2]))
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            process.stdout.close()
