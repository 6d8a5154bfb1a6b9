"""The other commands: what they print, where, and how they end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.service_process import command


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory, with_sample: Callable[[Path], Path]) -> Path:
    """One data folder for these tests; the database is given by its URL."""
    return with_sample(tmp_path_factory.mktemp("commands"))


def test_help_names_every_command(data_dir: Path) -> None:
    shown = command(data_dir, "--help").stdout
    for name in ("demo", "serve", "migrate", "health", "check", "keys", "region", "geocode", "settings", "warm"):
        assert re.search(rf"^│ {name} ", shown, re.MULTILINE), name
    assert command(data_dir, "--version").stdout.startswith("carpool ")


async def test_keys_are_made_listed_and_revoked(data_dir: Path, fresh_database: str) -> None:
    def keys(*words: str) -> str:
        done = command(data_dir, "keys", *words, DATABASE_URL=fresh_database)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "No keys yet" in keys("list")
    token = keys("create", "--role", "driver", "--user", "Dora O'Neill", "--ttl", "90d")
    assert re.fullmatch(r"ck_[0-9a-f]{16}_[\w-]{43}\n", token)
    [key] = json.loads(keys("list", "--json"))
    assert (key["user"], key["role"], key["usable"]) == ("Dora O'Neill", "driver", True)
    assert key["expires_at"] is not None
    assert token.split("_", 2)[2].strip() not in keys("list") + keys("list", "--json")
    keys("revoke", key["id"])
    assert json.loads(keys("list", "--json"))[0]["usable"] is False
    assert "revoked" in keys("list")


@pytest.mark.parametrize(
    ("words", "settings", "code", "said"),
    [
        (["keys", "revoke", "0" * 16], {}, 1, "there is no API key"),
        (["keys", "create", "--role", "king", "--user", "x"], {}, 2, "king"),
        (["keys", "create", "--role", "rider", "--user", "x", "--ttl", "soon"], {}, 2, "such as 90d"),
        (["keys", "create", "--role", "rider", "--user", " "], {}, 2, "carpool: user must have"),
        (["keys", "list"], {"DATABASE_URL": "mysql://x"}, 2, "CARPOOL_DATABASE_URL: must look like postgresql://"),
        (
            ["keys", "list"],
            {"DATABASE_URL": "postgresql://u@127.0.0.1:1/x"},
            1,
            "is CARPOOL_DATABASE_URL right?",
        ),
        (["settings"], {"PORT": "web"}, 2, "CARPOOL_PORT: "),
        (["health", "--url", "gopher"], {}, 2, "write http://host:port"),
        (["geocode", "qqqqqq xxxxxx"], {}, 2, "is like 'qqqqqq xxxxxx'"),
        (["geocode", "Brasil"], {"GEOCODERS": "gazetteer,pelias"}, 2, "pelias, which cannot be used"),
    ],
)
async def test_mistakes_are_told_in_one_line_with_an_exit_code(
    data_dir: Path, fresh_database: str, words: list[str], settings: dict[str, str], code: int, said: str
) -> None:
    done = command(data_dir, *words, **({"DATABASE_URL": fresh_database} | settings))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


async def test_tracebacks_are_for_those_who_ask(data_dir: Path, fresh_database: str) -> None:
    done = command(data_dir, "keys", "revoke", "x", DATABASE_URL=fresh_database, DEBUG="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_misspelt_setting_is_pointed_out(data_dir: Path) -> None:
    assert "CARPOOL_PROT is not a setting; did you mean CARPOOL_PORT?" in command(data_dir, "settings", PROT="1").stderr


def test_settings_are_listed_and_secrets_are_not_shown(data_dir: Path) -> None:
    secret = "correct horse battery staple for ever"
    shown = command(data_dir, "settings", KEY_PEPPER=secret, PORT="9999").stdout
    assert "CARPOOL_KEY_PEPPER" in shown
    assert "(secret)" in shown
    assert secret not in shown
    assert re.search(r"CARPOOL_PORT +│ 9999 +│ 8080", shown)
    printed = command(data_dir, "settings", "--json", KEY_PEPPER=secret, PORT="9999").stdout
    assert secret not in printed
    found = {each["variable"]: each for each in json.loads(printed)}
    port, pepper = found["CARPOOL_PORT"], found["CARPOOL_KEY_PEPPER"]
    assert (port["value"], port["default"], port["changed"]) == (9999, 8080, True)
    assert pepper["value"] == "(secret)"


def test_an_address_is_looked_up(data_dir: Path) -> None:
    done = command(data_dir, "geocode", "cuatro esquinas con balmaceda")
    assert done.returncode == 0, done.stderr
    assert "Avenida Cuatro Esquinas & Avenida José Manuel" in done.stdout
    assert "crossing" in done.stdout


async def test_migrate_says_what_it_did(data_dir: Path, fresh_database: str) -> None:
    assert "up to date" in command(data_dir, "migrate", DATABASE_URL=fresh_database).stdout
