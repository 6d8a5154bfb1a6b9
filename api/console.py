"""What the command line prints: one console for answers, one for notices, and progress for steps that take a while."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
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
    """Tells what is being done, and how long each step took: a spinner on a terminal, lines elsewhere.

    Call it with the name of a step when the step begins; call it again with the same name and a fraction in [0, 1]
    while it advances. The next name, or the end of the `with` block, ends the step. On a terminal steps that took less than a
    second leave no line behind; elsewhere each step is named when it begins, so that a log shows where it hangs.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step: str | None = None
        self._began = 0.0
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(failed=error is not None)

    def __call__(self, step: str, done: float | None = None) -> None:
        if step != self._step:
            self.end()
            self._step, self._began = step, time.perf_counter()
            if self._console.is_terminal:
                self._live = Live(Spinner("dots", Text(step)), console=self._console, transient=True)
                self._live.start()
            else:
                self._console.print(f"  {step} …", markup=False)
        if self._live is not None and done is not None:
            self._live.update(Spinner("dots", Text(f"{step}  {min(1.0, max(0.0, done)):4.0%}")))

    def end(self, *, failed: bool = False) -> None:
        """The present step is over, well or badly."""
        if self._step is None:
            return
        took_s = time.perf_counter() - self._began
        if self._live is not None:
            self._live.stop()
            self._live = None
        if failed:
            self._console.print(f"  {self._step}: failed after {took_s:.1f} s", markup=False, style="red")
        elif took_s >= _REPORT_AFTER_S:
            self._console.print(f"  {self._step}: {took_s:.1f} s", markup=False)
        self._step = None
