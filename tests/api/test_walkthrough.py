"""Every `curl` in the documents is typed as it stands there, in order, against a running service: each one must be
answered well.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.settings.roads import RoadSettings
from tests.api.live import Live, live_service, quiet_morning, settings_for
from tests.architecture.repository import documents, text_of
from tests.conftest import database_url

#: What the documents call the service, the day of their trips, and how long a stream is listened to here.
_SERVICE = re.compile(r"(?:http://)?(?:127\.0\.0\.1|localhost):8080")
_DAY = "2026-12-01"
_STREAM_S = 1
_CURL_TIMED_OUT = 28
_FENCED = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_README = Path("README.md")


def curls(document: Path) -> list[str]:
    """The document's `curl` commands, each with its continued lines and quoted bodies."""
    blocks = [block.replace("\\\n", " ") for block in _FENCED.findall(text_of(document) or "")]
    commands = [command.strip() for block in blocks for command in re.split(r"\n(?=curl )", block)]
    first_lines = [command.split("\n\n")[0].strip().removesuffix(" &") for command in commands]
    return [command for command in first_lines if command.startswith("curl ") and "…" not in command]


@dataclass
class Shell:
    """Types commands, and keeps what a reader would copy from one answer into the next command."""

    url: str
    day: str
    keys: dict[str, str]
    copied: dict[str, str] = field(default_factory=dict)

    async def type(self, command: str) -> Any:
        """The answer, parsed, of a command that must be answered with 2xx."""
        typed = _SERVICE.sub(self.url, command).replace(_DAY, self.day)
        streams = " -N" in command or " -sN" in command
        typed += f" --max-time {_STREAM_S}" if streams else " -w '\\n%{http_code}'"
        environment = {**os.environ, **self.keys, **self.copied, "KEY": self._key(command), "DAY": self.day}
        process = await asyncio.create_subprocess_exec(
            "bash", "-uc", typed, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        said, complained = (part.decode() for part in await process.communicate())
        if streams:
            assert process.returncode == _CURL_TIMED_OUT, (command, said, complained)
            return None
        body, _, status = said.rpartition("\n")
        assert process.returncode == 0, (command, complained)
        assert status[:1] == "2", (command, said)
        answer = json.loads(body) if body.startswith("{") else body
        self._copy(answer)
        return answer

    def _key(self, command: str) -> str:
        return self.keys["OPS_KEY" if "/v1/stats" in command else "RIDER_KEY"]

    def _copy(self, answer: Any) -> None:
        if not isinstance(answer, dict):  # a table
            return
        if answer.get("matches"):
            self.copied["MATCH_ID"] = answer["matches"][0]["match_id"]
        if "pickup" in answer:
            self.copied["BOOKING_ID"] = answer["id"]


@pytest.fixture(scope="module")
async def as_installed(
    tmp_path_factory: pytest.TempPathFactory, embedded_server: EmbeddedPostgres, template_database: str
) -> AsyncIterator[Live]:
    """A service with public points, which readers of the documents have and most tests have not."""
    connection = await asyncpg.connect(database_url(embedded_server.url, "postgres"))
    await connection.execute(f"CREATE DATABASE walkthrough TEMPLATE {template_database} STRATEGY WAL_LOG")
    await connection.close()
    settings = settings_for(tmp_path_factory.mktemp("installed"), database_url(embedded_server.url, "walkthrough"))
    async with live_service(replace(settings, roads=RoadSettings.default())) as live:
        yield live


@pytest.fixture
async def shell(as_installed: Live) -> Shell:
    keys = {f"{role.upper()}_KEY": await as_installed.key(role) for role in ("driver", "rider", "ops")}
    return Shell(as_installed.url, quiet_morning().date().isoformat(), keys)


async def test_the_readme_goes_from_a_trip_to_a_booking(shell: Shell) -> None:
    answers = [await shell.type(command) for command in curls(_README)]
    offer, found, stream, asked, confirmed, counted = answers
    assert found["matches"][0]["offer_id"] == offer["id"]
    assert (asked["status"], confirmed["status"]) == ("WAITING_CONFIRMATION", "CONFIRMED")
    assert stream is None
    assert counted["totals"]["searches"] >= 0
    # A cost of driving is set here and not for the README's reader, to whom every price part is 1.
    shown = found["matches"][0]
    price = shown["parts"]["price"]
    shown["score"] += (1 - price["value"]) * price["weight"]
    for told in ('"score": 0.907', '"detour_s": 278.6', '"shared_m": 11159.2', '"ride_m": 12432.9'):
        name, value = told.replace('"', "").split(": ")
        assert shown[name] == pytest.approx(float(value), rel=1e-3), "the README shows another answer"
        assert told in (text_of(_README) or "")


async def test_the_life_of_a_trip_can_be_typed(shell: Shell) -> None:
    for command in curls(_README)[:2]:
        await shell.type(command)
    states = []
    for command in curls(Path("docs/bookings.md")):
        answer = await shell.type(command)
        states.append(answer["status"] if "status" in answer else len(answer["bookings"]))
    assert states == ["WAITING_CONFIRMATION", 1, "CONFIRMED", "CONFIRMED", "CANCELLED"]


_WITH_COMMANDS = [path for path in documents() if path not in {_README, Path("docs/bookings.md")} and curls(path)]


@pytest.mark.parametrize("document", _WITH_COMMANDS, ids=str)
async def test_other_documents_show_commands_that_work(shell: Shell, document: Path) -> None:
    for command in curls(document):
        await shell.type(command)


def test_the_finder_finds_commands() -> None:
    assert len(curls(_README)) == 6
    assert len(curls(Path("docs/bookings.md"))) == 5
