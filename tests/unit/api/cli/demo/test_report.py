"""What the demo prints: every part of a score, what turned offers away, and nothing wider than the console."""

from __future__ import annotations

import io
import shlex
from typing import Any

import pytest
from rich.console import Console

from api.cli.demo.report import Told, show_commands, show_search
from api.cli.demo.users import Keys

BODY: dict[str, Any] = {
    "origin": {"address": "Los Copihues & Los Clarines, Coquimbo"},
    "destination": {"address": "[bold]Balmaceda[/bold] & Brasil"},
    "departure": {"earliest": "2026-11-24T07:00:00-03:00", "latest": "2026-11-24T08:15:00-03:00"},
    "seats": 2,
}
MATCH: dict[str, Any] = {
    "score": 0.9034,
    "parts": {
        name: {"value": value, "weight": weight}
        for name, value, weight in (
            ("detour", 0.88, 0.4), ("overlap", 0.84, 0.3), ("time", 0.77, 0.1), ("walk", 0.66, 0.1),
            ("preferences", 0.55, 0.05),
            ("price", 0.44, 0.05),
        )
    },
    "pickup": {"time": "2026-11-24T08:01:00-03:00", "label": "Avenida Los Copihues & Avenida Los Clarines, Coquimbo"},
    "dropoff": {"time": "2026-11-24T08:13:00-03:00", "label": "Balmaceda & Brasil, La Serena"},
    "detour_s": 216.0, "detour_m": 2300.0, "shared_m": 12_200.0, "overlap": 0.84, "seats_left": 2,
}  # fmt: skip
HINT = {"code": "widen_window", "would_match": 2, "detail": "2 more offers would fit if the window were wider"}


def _answer(*matches: dict[str, Any]) -> dict[str, Any]:
    return {
        "matches": list(matches), "considered": 48, "feasible": len(matches), "took_ms": 5.24,
        "turned_away": {"outside_window": 20, "detour": 27}, "hints": [HINT],
    }  # fmt: skip


def _shown(width: int, *matches: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    show_search(console, 1, "To work", BODY, _answer(*matches))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [70, 80, 120, 200])
def test_a_match_shows_every_part_of_its_score_within_the_width(width: int) -> None:
    text = _shown(width, MATCH)
    for number in ("0.903", "0.88", "0.84", "0.77", "0.66", "0.55", "0.44", "08:01", "08:13", "3.6 min", "12.2 km"):
        assert number in text, number
    assert max(map(len, text.splitlines())) <= width


def test_an_empty_answer_says_what_would_have_helped() -> None:
    text = " ".join(_shown(120).split())
    assert "48 offers considered, 0 fit, in 5.2 ms; turned away: 20 outside window, 27 detour." in text
    assert "Hint: 2 more offers would fit if the window were wider (widen_window)." in text
    assert "[bold]Balmaceda[/bold] & Brasil" in text
    assert "leaving between 07:00 and 08:15 on Tuesday 24 November, 2 seats" in text


def test_commands_are_printed_on_one_line_each_and_quoted() -> None:
    console = Console(file=io.StringIO(), width=40, highlight=False)
    keys, left = Keys("ck_d", "ck_r", "ck_o"), Told(waiting={"id": "b-1"}, free_match={"match_id": "m-1"})
    show_commands(console, "http://127.0.0.1:8080", keys, {"comment": "it's [red]blue[/red]"}, "some-id", BODY, left)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert [line for line in lines if line.startswith("export ")] == [
        "export DRIVER_KEY=ck_d",
        "export RIDER_KEY=ck_r",
        "export OPS_KEY=ck_o",
    ]
    commands = [shlex.split(line) for line in lines if line.startswith("curl ")]
    assert len(commands) == 11
    _, publish, search, ask, agree, *_ = commands
    assert '{"comment": "it\'s [red]blue[/red]"}' in publish
    assert "Authorization: Bearer $DRIVER_KEY" in publish
    assert "Authorization: Bearer $RIDER_KEY" in search
    assert any("m-1" in word for word in ask)
    assert any(word.endswith("/v1/bookings/b-1") for word in agree)
