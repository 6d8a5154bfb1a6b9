"""`carpool demo`: answers on the first run, no more offers on the second, an honest exit code, commands that work."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.service_process import PATIENCE_S, enterable_folder, environment, process

LISTEN = "listen to what a rider is told (Ctrl-C ends it)"
LIFE_OF_A_TRIP = (
    "CONFIRMED at once",
    "rider  hears booking_confirmed; boards ",
    "driver  hears booking_asked",
    "driver  says yes: CONFIRMED",
    "and takes their time: WAITING_CONFIRMATION",
    "What the operator sees",
    "bookings: 1 WAITING_CONFIRMATION, 2 CONFIRMED",
)

#: The demo with riders who only ask for the middle of the night.
_NOBODY = """
import api.cli.demo.run
everybody = api.cli.demo.run.searches
api.cli.demo.run.searches = lambda day, zone: everybody(day, zone)[-1:]
from api.cli.__main__ import app
app(["demo", "--once"])
"""


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """The demo's database and region are made once."""
    with enterable_folder() as folder:
        yield folder


def _considered(output: str) -> set[str]:
    return set(re.findall(r"^(\d+) offers considered", output, re.MULTILINE))


def _counted(output: str) -> int:
    found = re.search(r"^The last day: (\d+) searches", output, re.MULTILINE)
    assert found is not None, output
    return int(found[1])


def test_the_demo_answers_and_a_second_run_adds_nothing(data_dir: Path) -> None:
    first = process(data_dir, "demo", "--once", PUBLIC_POINT_SPACING_M="500", PORT="0")
    assert first.returncode == 0, first.stdout + first.stderr
    for words in ("48 offers for", "Search 1:", "score", "detour", "overlap", "shared", "Hint: "):
        assert words in first.stdout
    for words in LIFE_OF_A_TRIP:
        assert words in first.stdout, first.stdout
    # One who calls too often is told to wait, and does: a demo is run again and again by one user.
    limits = {"RATE_WRITE_BURST": "20", "RATE_WRITE_PER_MINUTE": "1200"}
    second = process(data_dir, "demo", "--once", PUBLIC_POINT_SPACING_M="500", PORT="0", **limits)
    assert second.returncode == 0, second.stdout + second.stderr
    # 48 of the morning, and the ways home of a demo that stayed up before.
    (considered,) = _considered(first.stdout)
    assert _considered(second.stdout) == {considered}
    assert int(considered) >= 48
    assert _counted(second.stdout) == _counted(first.stdout) + 5
    # What the first run has booked is given up before the second searches, so both find and book the same.
    assert [LIFE_OF_A_TRIP[-1] in done.stdout for done in (first, second)] == [True, True]
    assert max(map(len, second.stdout.splitlines())) <= 120


def test_the_demo_fails_when_nobody_is_matched(data_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _NOBODY],
        env=environment(data_dir, PUBLIC_POINT_SPACING_M="500", PORT="0"),
        cwd=data_dir,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "no search found a match" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_stays_up_with_commands_that_work(data_dir: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli.__main__", "demo"],
        env=environment(data_dir, PUBLIC_POINT_SPACING_M="500", PORT="0"),
        cwd=data_dir,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    commands: dict[str, str] = {}
    keys: dict[str, str] = {}
    links: dict[str, str] = {}
    title = ""
    for line in process.stdout:
        if line.startswith("# "):
            title = line[2:].strip()
        elif line.startswith("export "):
            name, _, value = line.removeprefix("export ").strip().partition("=")
            keys[name] = value
        elif line.startswith("curl "):
            commands[title] = line.strip()
        elif "#key=" in line:
            role, link = line.split()
            links[role] = link
        elif line.startswith("The service stays up"):
            break
    try:
        assert list(commands) == [
            LISTEN, "publish a trip", "search", "ask for a seat of a match", "say yes to who waits",
            "list the rider's bookings", "look up an address", "read an offer", "change it", "cancel it", "count",
        ]  # fmt: skip
        assert list(links) == ["rider", "driver", "operator"]
        for link, key, page in zip(links.values(), keys.values(), ("ride", "drive", "ops"), strict=True):
            address, _, given = link.partition("#key=")
            assert given in set(keys.values()), key
            with urllib.request.urlopen(address) as answer:  # noqa: S310  # the service of this test
                assert f'data-page="{page}"' in answer.read().decode()
        typed = os.environ | keys
        listen = "exec " + commands.pop(LISTEN)
        stream = subprocess.Popen(["bash", "-uc", listen], stdout=subprocess.PIPE, text=True, env=typed)
        assert stream.stdout is not None
        assert stream.stdout.readline()  # it is there: whatever happens from here on is heard
        for title, words in commands.items():
            answered = subprocess.run(
                ["bash", "-uc", f"{words} -w '\\n%{{http_code}}'"],
                capture_output=True,
                text=True,
                check=True,
                env=typed,
            )
            status = answered.stdout.splitlines()[-1]
            made = title in {"publish a trip", "ask for a seat of a match"}
            assert status == ("201" if made else "200"), (title, answered.stdout)
        assert "event: booking_confirmed\n" in iter(stream.stdout.readline, "")
        stream.kill()
        stream.wait()
        stream.stdout.close()
    finally:
        os.kill(process.pid, signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
    process.stdout.close()
