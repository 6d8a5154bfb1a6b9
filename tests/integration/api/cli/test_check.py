"""`carpool check` as an operator runs it: beside a service, on damage, and where it cannot run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from tests.integration.service_process import a_trip, command, enterable_folder, make_key, serving


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory, with_sample: Callable[[Path], Path]) -> Path:
    """One data folder for these tests; the database is given by its URL."""
    return with_sample(tmp_path_factory.mktemp("check"))


async def test_damage_beside_a_running_service_is_named_and_sets_the_exit_code(
    data_dir: Path, fresh_database: str
) -> None:
    key = make_key(data_dir, "driver", "dora", DATABASE_URL=fresh_database)
    with serving(data_dir, DATABASE_URL=fresh_database) as service:
        service.wait_until_ready()
        status, _, offer = service.call("POST", "/v1/offers", key, a_trip())
        assert status == 201

        sound = command(data_dir, "check", "--sample", "5", DATABASE_URL=fresh_database)
        assert sound.returncode == 0, sound.stdout + sound.stderr
        assert "1 offers, 0 bookings, 5 searches, 5 matches: 0 violations" in sound.stdout

        connection = await asyncpg.connect(fresh_database)
        await connection.execute("UPDATE offers SET duration_ms = duration_ms - 1500, seats_left = 2")
        await connection.close()
        damaged = command(data_dir, "check", "--json", DATABASE_URL=fresh_database)
        assert damaged.returncode == 1
        told = json.loads(damaged.stdout)
        assert [(found["promise"], found["offer_id"]) for found in told["violations"]] == [
            ("seats left is true", offer["id"]),
            ("drive without riders", offer["id"]),
        ]
        assert told["violations"][0]["promised"] == "2 left"
        assert told["violations"][0]["holds"] == "3 left"
        assert (told["offers"], told["seed"]) == (1, 1)
        assert told["checked"]["drive without riders"] == 1
        shown = command(data_dir, "check", "--show", "1", "--sample", "0", DATABASE_URL=fresh_database)
        assert shown.returncode == 1
        for words in (offer["id"], "seats left is true", "3 left", "and 1 more", "2 violations"):
            assert words in shown.stdout
        assert service.call("GET", "/readyz")[0] == 200


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}, "the database cannot be reached"),
        ({"REGION": "atlantis"}, "there is no region atlantis"),
        ({"DATABASE_URL": "mysql://x"}, "must look like postgresql://"),
    ],
)
async def test_what_cannot_be_checked_is_not_called_sound(
    data_dir: Path, fresh_database: str, settings: dict[str, str], said: str
) -> None:
    done = command(data_dir, "check", **({"DATABASE_URL": fresh_database} | settings))
    assert done.returncode == 2, done.stderr
    assert said in done.stderr


def test_the_embedded_database_is_read_and_never_migrated() -> None:
    with enterable_folder() as folder:
        empty = command(folder, "check")
        assert empty.returncode == 2
        assert "carpool migrate" in empty.stderr
        assert command(folder, "migrate").returncode == 0
        checked = command(folder, "check", "--json")
        assert checked.returncode == 0, checked.stderr
        assert json.loads(checked.stdout)["offers"] == 0
