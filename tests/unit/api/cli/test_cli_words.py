"""What the command line understands and says."""

from __future__ import annotations

import errno
from datetime import timedelta

import pytest
import typer

from api.cli.keys import parse_ttl
from api.cli.support import explain, explain_bind_error
from matcher.domain.errors.tree import DatabaseUnavailable, InvalidField
from matcher.people.credentials.secret_file import SecretUnusable
from matcher.settings.base import SettingsInvalid


@pytest.mark.parametrize(
    ("text", "ttl"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        (" 30m ", timedelta(minutes=30)),
        ("45s", timedelta(seconds=45)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_a_lifetime_is_a_number_and_a_unit(text: str, ttl: timedelta) -> None:
    assert parse_ttl(text) == ttl


@pytest.mark.parametrize(
    "text", ["", "90", "d", "1y", "-1d", "0d", "1.5h", "999999999w", "\N{ARABIC-INDIC DIGIT ONE}d"]
)
def test_what_is_no_lifetime_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_ttl(text)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DatabaseUnavailable("away"), 1),
        (InvalidField("bad"), 2),
        (SettingsInvalid("CARPOOL_PORT: bad"), 2),
        (SecretUnusable("leaked"), 2),
        (PermissionError(errno.EACCES, "Permission denied", "/somewhere"), 1),
    ],
)
def test_what_people_can_mend_is_explained(monkeypatch: pytest.MonkeyPatch, error: Exception, code: int) -> None:
    monkeypatch.delenv("CARPOOL_DEBUG", raising=False)
    explained = explain(error)
    assert explained is not None
    assert explained[1] == code
    monkeypatch.setenv("CARPOOL_DEBUG", "1")
    assert explain(error) is None


@pytest.mark.parametrize("error", [KeyError("x"), AssertionError("y"), OSError("no file, no number")])
def test_defects_keep_their_traceback(error: Exception) -> None:
    assert explain(error) is None


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.EADDRINUSE, "is in use"), (errno.EACCES, "above 1023"), (errno.EADDRNOTAVAIL, "cannot listen on")],
)
def test_a_port_that_cannot_be_had_is_explained(number: int, said: str) -> None:
    assert said in explain_bind_error(OSError(number, "reason"), "127.0.0.1", 80).detail
