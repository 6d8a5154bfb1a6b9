"""Progress: silent about what is quick, and honest about what is not."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from api.cli.console import StepProgress, make_console


def _progress(report_after_s: float) -> tuple[StepProgress, io.StringIO]:
    file = io.StringIO()
    return StepProgress(Console(file=file, width=120), report_after_s=report_after_s), file


def test_quick_steps_leave_no_line() -> None:
    progress, file = _progress(report_after_s=3600)
    with progress:
        progress("opening the roads")
        progress("loading offers", 1, 2)
    assert file.getvalue() == ""


def test_a_long_step_is_named_while_it_runs_and_timed_when_it_ends() -> None:
    progress, file = _progress(report_after_s=0)
    with progress:
        progress("opening the roads")
        assert progress._timer is not None
        progress._timer.join()
        assert file.getvalue() == "  opening the roads …\n"
        progress("opening the roads", 7, 10)
        progress("loading [offers]")
        assert file.getvalue().splitlines()[1].startswith("  opening the roads: 0.0 s")
        progress._timer.join()
    assert "  loading [offers]: 0.0 s" in file.getvalue()


def test_a_step_that_fails_leaves_no_thread_behind() -> None:
    progress, _ = _progress(report_after_s=3600)

    def fail() -> None:
        with progress:
            progress("opening the roads")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not any(
        isinstance(thread, threading.Timer) and not thread.finished.is_set() for thread in threading.enumerate()
    )


def test_a_log_file_is_as_wide_as_columns_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert make_console(io.StringIO()).width == 120
    monkeypatch.setenv("COLUMNS", "77")
    assert make_console(io.StringIO()).width == 77
