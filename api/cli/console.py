"""What the command line prints: one console for answers, one for notices, and progress for steps that take a while."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import IO, Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

_WIDTH_WITHOUT_TERMINAL = 120
_REPORT_AFTER_S = 1.0


def make_console(file: IO[str] | None = None) -> Console:
    """A console as wide as the terminal; in a log file 120 columns, or COLUMNS when that is set."""
    stream = sys.stdout if file is None else file
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


class StepProgress:
    """A Progress that shows each step and how long it took: a spinner on a terminal, lines elsewhere.

    The end of the `with` block ends the last step. Steps shorter than a second leave no line behind; in a log a longer
    step is named while it runs, so that one sees where it hangs.
    """

    def __init__(self, console: Console, *, report_after_s: float = _REPORT_AFTER_S) -> None:
        self._console = console
        self._report_after_s = report_after_s
        self._step: str | None = None
        self._began = 0.0
        self._live: Live | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def __call__(self, step: str, done: float = 0, total: float | None = None, /) -> None:
        if step != self._step:
            self.end()
            self._begin(step)
        if self._live is not None and total:
            self._live.update(Spinner("dots", Text(f"{step}  {min(1.0, done / total):4.0%}")))

    def end(self) -> None:
        """The present step is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._live is not None:
            self._live.stop()
            self._live = None
        took_s = time.perf_counter() - self._began
        if self._step is not None and took_s >= self._report_after_s:
            self._print(f"  {self._step}: {took_s:.1f} s")
        self._step = None

    def _begin(self, step: str) -> None:
        self._step, self._began = step, time.perf_counter()
        if self._console.is_terminal:
            self._live = Live(Spinner("dots", Text(step)), console=self._console, transient=True)
            self._live.start()
        else:
            self._timer = threading.Timer(self._report_after_s, self._print, [f"  {step} …"])
            self._timer.daemon = True
            self._timer.start()

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)
