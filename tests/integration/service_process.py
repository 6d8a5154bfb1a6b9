"""The command line as other programs see it: output, exit codes, and a service to call."""

from __future__ import annotations

import asyncio
import contextlib
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
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from zoneinfo import ZoneInfo

from typer.testing import CliRunner

from api.cli.__main__ import app

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
PLACE = {"lat": -29.953, "lon": -71.338}
ADDRESS = {"address": "Balmaceda & Brasil, La Serena"}
_LISTENING = re.compile(r"Listening on http://([\d.]+):(\d+)")


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The caller's environment without any settings of their own, and these; every door stands for itself."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("CARPOOL_", "COLUMNS"))}
    chosen = {f"CARPOOL_{name}": value for name, value in ({"PUBLIC_POINT_SPACING_M": "0"} | settings).items()}
    return {**bare, "PYTHONPATH": str(ROOT), "CARPOOL_DATA_DIR": str(data_dir), **chosen}


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def command(data_dir: Path, *words: str, **settings: str) -> Done:
    """Run `carpool …` to its end in this process, in a folder without `.env`; in a thread where a loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _invoke(data_dir, words, settings)
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(_invoke, data_dir, words, settings).result(PATIENCE_S)


def _invoke(data_dir: Path, words: Sequence[str], settings: Mapping[str, str]) -> Done:
    chosen = environment(data_dir, **settings)
    changed: dict[str, str | None] = dict.fromkeys(os.environ.keys() - chosen.keys())
    # Logging is the test run's own; a process would set it up for itself.
    with contextlib.chdir(data_dir), mock.patch("api.watching.logs.configure_logging"):
        result = CliRunner().invoke(app, list(words), env=changed | chosen, prog_name="carpool")
    error, trace = result.exception, ""
    if error is not None and not isinstance(error, SystemExit):
        trace = "".join(traceback.format_exception(error))
    return Done(result.exit_code, result.stdout, result.stderr + trace)


def process(data_dir: Path, *words: str, **settings: str) -> Done:
    """The same as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli.__main__", *words],
        env=environment(data_dir, **settings),
        cwd=data_dir,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    return Done(done.returncode, done.stdout, done.stderr)


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
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_S)
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
    """A folder that the database server's user may enter even when tests run as root, unlike pytest's own."""
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
                    process.wait(PATIENCE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            process.stdout.close()
