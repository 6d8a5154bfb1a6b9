"""Progress of long work, told step by step."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told what is being done. A step begins with its first call and ends with the first call for another one."""

    def __call__(self, step: str, done: float | None = None, /) -> None:
        """`step` is a few words for people; `done` in [0, 1] when it is known how far it has come."""


def no_progress(step: str, done: float | None = None, /) -> None:
    """A Progress for callers who watch nothing."""
