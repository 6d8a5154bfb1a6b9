"""What wiring opens: secrets, and a database that is started again when it dies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.settings.all import Settings, load_settings
from matcher.settings.storage import StorageSettings
from matcher.wall_clock import utc_now
from matcher.wiring.database import OpenDatabase
from matcher.wiring.secrets import read_secret

LONG = "0123456789abcdef0123456789abcdef-secret"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """With a data folder of their own."""
    return replace(load_settings(), storage=StorageSettings(data_dir=tmp_path))


async def test_a_given_secret_is_used_and_a_missing_one_is_made_and_kept(settings: Settings, tmp_path: Path) -> None:
    given = await read_secret(settings, "match_secret", SecretStr(LONG), None)
    assert (given.own, given.others) == (LONG.encode(), ())
    assert not (tmp_path / "secrets").exists()
    made = await read_secret(settings, "match_secret", None, None)
    assert made == await read_secret(settings, "match_secret", None, None)
    assert (tmp_path / "secrets" / "match_secret").exists()


async def test_a_secret_that_was_a_file_can_be_named_by_what_the_file_holds(settings: Settings, tmp_path: Path) -> None:
    made = await read_secret(settings, "match_secret", None, None)
    text = (tmp_path / "secrets" / "match_secret").read_text()
    pair = await read_secret(settings, "match_secret", SecretStr(LONG), SecretStr(text))
    assert pair.others == (text.encode(), made.own)


async def test_a_database_that_died_is_started_and_one_that_answers_is_left_alone() -> None:
    alive, started = [True, False, False, True], []

    class Pool:
        async def ping(self) -> None:
            if not alive.pop(0):
                raise DatabaseUnavailable("gone")

    async def start() -> None:
        started.append(len(alive))
        alive[0] = True

    database = OpenDatabase(Pool(), "", start)  # type: ignore[arg-type]  # only pinged
    for _ in range(3):
        await database.revive(utc_now())
    assert started == [2]
    assert not alive


async def test_a_database_that_is_not_ours_is_not_started() -> None:
    class Pool:
        async def ping(self) -> None:
            raise DatabaseUnavailable("gone")

    with pytest.raises(DatabaseUnavailable):
        await OpenDatabase(Pool(), "", None).revive(utc_now())  # type: ignore[arg-type]  # only pinged
