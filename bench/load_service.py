"""The service under load: `carpool serve` as a child, on an embedded PostgreSQL in a temporary folder."""

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
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
#: Settings of a service that limits no user.
UNLIMITED = {f"CARPOOL_RATE_{calls}_PER_MINUTE": "0" for calls in ("SEARCH", "WRITE", "READ")}
_PATIENCE_S = 300.0
_LISTENING = re.compile(r"Listening on http://([\d.]+):(\d+)")
#: Consecutive good answers that count as "every worker is ready": each call makes a connection, which any of them may
#: take.
_ASSURANCE = 24


@dataclass(frozen=True)
class Service:
    """A ready `carpool serve`: process, address, and the time from launch until every worker was ready."""

    pid: int
    host: str
    port: int
    ready_s: float

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}:{self.port}"


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does: its own clean-up runs."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    earlier = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def data_folder() -> Iterator[Path]:
    """A new data folder, removed at the end. As root, the database's user must be able to pass through it."""
    folder = Path(tempfile.mkdtemp(prefix="carpool-bench-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_command(data_dir: Path, region: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`carpool …` to its end, on the data folder of the service."""
    return subprocess.run(
        [sys.executable, "-m", "api.cli.__main__", *words],
        env=_environment(data_dir, region),
        cwd=data_dir,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )


def checked(data_dir: Path, region: str) -> dict[str, int]:
    """The findings of `carpool check`: broken promises and their counts. Raises RuntimeError when it cannot tell."""
    done = run_command(data_dir, region, "check", "--sample", "20", "--json")
    if done.returncode not in (0, 1):
        raise RuntimeError(f"carpool check failed: {done.stderr[-1000:]}")
    return dict(Counter(found["promise"] for found in json.loads(done.stdout)["violations"]))


def make_key(data_dir: Path, region: str, role: str, user: str, *words: str) -> str:
    """A key from `carpool keys create`, with more of its options in `words`."""
    made = run_command(data_dir, region, "keys", "create", "--role", role, "--user", user, "--ttl", "1d", *words)
    if made.returncode != 0:
        raise RuntimeError(f"no key could be made: {made.stderr}")
    return made.stdout.strip()


@contextmanager
def serving(data_dir: Path, region: str, workers: int, settings: Mapping[str, str] = UNLIMITED) -> Iterator[Service]:
    """`carpool serve` on a free port of the loopback with every worker ready; ended with its workers when the block is.

    `settings`: its own; by default it limits nobody, and is else as it comes.
    """
    begin = time.perf_counter()
    count = [] if workers == 1 else ["--workers", str(workers)]
    with (data_dir / "serve.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli.__main__", "serve", "--host", "127.0.0.1", "--port", "0", *count],
            env=_environment(data_dir, region, settings),
            cwd=data_dir,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        found = _LISTENING.search(process.stdout.readline())
        if found is None:
            raise RuntimeError(f"the service did not start: {_last_words(data_dir)}")
        host, port = found[1], int(found[2])
        _wait_until_ready(process, host, port, data_dir)
        yield Service(process.pid, host, port, round(time.perf_counter() - begin, 2))
    finally:
        _end(process)


def _environment(data_dir: Path, region: str, settings: Mapping[str, str] = UNLIMITED) -> dict[str, str]:
    """The caller's, without settings of their own."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("CARPOOL_")}
    return {**bare, **settings, "PYTHONPATH": str(ROOT), "CARPOOL_DATA_DIR": str(data_dir), "CARPOOL_REGION": region}


def _wait_until_ready(process: subprocess.Popen[str], host: str, port: int, data_dir: Path) -> None:
    deadline, good = time.monotonic() + _PATIENCE_S, 0
    while good < _ASSURANCE:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the service did not become ready: {_last_words(data_dir)}")
        connection = http.client.HTTPConnection(host, port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            good = good + 1 if connection.getresponse().status == 200 else 0
        except OSError:
            good = 0
        finally:
            connection.close()
        if not good:
            time.sleep(0.1)


def _end(process: subprocess.Popen[str]) -> None:
    """By its own process id; it takes its workers with it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _last_words(data_dir: Path) -> str:
    return (data_dir / "serve.log").read_text(encoding="utf-8", errors="replace")[-2000:]
