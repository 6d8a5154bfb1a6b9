"""Progress of long work, reported step by step."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the current step, which ends with the first call for another one."""

    def __call__(self, step: str, done: float = 0, total: float | None = None, /) -> None:
        """`step` is a few words for people; `done` of `total`, in any unit. `total` is None while it is unknown."""


def no_progress(step: str, done: float = 0, total: float | None = None, /) -> None:
    """Reports to nobody."""
