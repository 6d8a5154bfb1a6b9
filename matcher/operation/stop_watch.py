"""Where the time of one answer went."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter


class StopWatch:
    """How long each step of one answer took."""

    def __init__(self) -> None:
        self._begin = self._last = perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, step: str) -> None:
        """A step has ended; repeated steps add up."""
        now = perf_counter()
        self._laps[step] = self._laps.get(step, 0.0) + (now - self._last) * 1000
        self._last = now

    @property
    def laps_ms(self) -> Mapping[str, float]:
        return {step: round(spent, 3) for step, spent in self._laps.items()}

    @property
    def total_ms(self) -> float:
        return round((perf_counter() - self._begin) * 1000, 3)
