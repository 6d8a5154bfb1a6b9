"""A soak fails when it should, says why, and its table replaces the one before."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.load_generator import Answer, Kind, Load
from bench.soak_report import LIMITED, OVERLOAD, QUIET, Json, Moment, markdown, phase_row, put_into, shortcomings

AFTER: Json = {
    "well_after_s": 0.1,
    "published": 3,
    "lost": 0,
    "index_agrees": True,
    "check": {},
    "cores": {"service": 1.0, "database": 0.1, "generator": 0.1, "others": 0.0},
}


def load(*answers: Answer) -> Load:
    done = Load(answers=list(answers), begin_s=100.0, end_s=110.0)
    for one in answers:
        if one.status not in (200, 201):
            done.errors[f"{one.kind.value} {one.status or 'disconnected'}"] += 1
    return done


def row(
    name: str, latency_s: float, *more: Answer, memory: tuple[float, float] = (500.0, 505.0), **after: object
) -> Json:
    fine = [Answer(n / 100, 200, latency_s, Kind.SEARCH) for n in range(100)]
    moments = [Moment(100.0 + n, memory[n // 4]) for n in range(8)]
    return phase_row(name, 10.0, load(*fine, *more), moments, None) | AFTER | after


def result(*rows: Json) -> Json:
    return {
        "command": "bench/soak.py",
        "offers": 10_000,
        "workers": 2,
        "capacity": 100.0,
        "machine": "a machine",
        "measured_at": "2026-12-01T00:00:00+00:00",
        "took_s": 300,
        "phases": list(rows),
    }


REFUSED = Answer(1.0, 503, 0.003, Kind.SEARCH)


def test_a_run_in_which_all_went_well() -> None:
    run = result(
        row(QUIET, 0.02), row(OVERLOAD, 0.035, REFUSED), row(LIMITED, 0.02, Answer(1.0, 429, 0.001, Kind.SEARCH))
    )
    assert shortcomings(run) == ([], [])
    table = markdown(run, [], [])
    assert "| 100 of 101 | 35.0 / 35.0 | 1 x 503; 3.0 | none |" in table
    assert "All aims were met." in table
    assert {line.count("|") for line in table.splitlines() if line.startswith("|")} == {12}


@pytest.mark.parametrize(
    ("over", "failed", "missed"),
    [
        (row(OVERLOAD, 0.05), 0, 1),
        (row(OVERLOAD, 0.07), 1, 0),
        (row(OVERLOAD, 0.02, Answer(1.0, 503, 0.2, Kind.SEARCH)), 0, 1),
        (row(OVERLOAD, 0.02, Answer(1.0, 503, 0.9, Kind.SEARCH)), 1, 0),
        (row(OVERLOAD, 0.02, Answer(1.0, 500, 0.01, Kind.SEARCH)), 1, 0),
        (row(OVERLOAD, 0.02, Answer(1.0, 0, 0.01, Kind.SEARCH)), 1, 0),
        (row(OVERLOAD, 0.02, Answer(1.0, 429, 0.01, Kind.SEARCH)), 1, 0),
        (row(OVERLOAD, 0.02, memory=(500.0, 600.0)), 1, 0),
        (row(OVERLOAD, 0.02, lost=1), 1, 0),
        (row(OVERLOAD, 0.02, check={"seats": 2}), 1, 0),
        (row(OVERLOAD, 0.02, index_agrees=False), 1, 0),
        (row(OVERLOAD, 0.02, well_after_s=None), 1, 0),
    ],
)
def test_what_falls_short_is_told_and_by_far_it_fails(over: Json, failed: int, missed: int) -> None:
    run = result(row(QUIET, 0.02), over)
    found, little = shortcomings(run)
    assert (len(found), len(little)) == (failed, missed)
    assert all(words in markdown(run, found, little) for words in [*found, *little])


def test_trouble_begins_with_the_fault_and_recovery_with_its_end() -> None:
    answers = [Answer(float(n), 200, 0.01, Kind.SEARCH) for n in range(10)]
    answers[0] = Answer(0.0, 503, 0.01, Kind.SEARCH)
    answers[6] = Answer(6.0, 0, 0.01, Kind.SEARCH)
    answers[7] = Answer(7.0, 200, 1.5, Kind.PUBLISH)
    moments = [Moment(100.0, 1.0)]
    broken = phase_row("a fault", 1.0, load(*answers), moments, (104.0, 105.5))
    assert (broken["trouble_s"], broken["recovery_s"]) == (3.0, 1.5)
    unnoticed = phase_row("a fault", 1.0, load(*answers[:4]), moments, (104.0, 105.5))
    assert (unnoticed["trouble_s"], unnoticed["recovery_s"]) == (0.0, 0.0)


def test_the_table_replaces_the_one_before_and_nothing_else(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- soak: made by bench/soak.py --write -->\nold\n<!-- end of soak -->\nafter\n")
    for table in ("| one |", "| two |"):
        put_into(document, table)
    assert document.read_text() == (
        "before\n<!-- soak: made by bench/soak.py --write -->\n\n| two |\n\n<!-- end of soak -->\nafter\n"
    )
    document.write_text("nothing of the kind")
    with pytest.raises(ValueError, match="no place"):
        put_into(document, "| three |")
