"""A limit on log lines that say the same thing again and again, as when calls are refused by the hundred."""

from __future__ import annotations


class LineQuota:
    """At most `most` lines in each second; how many were left out is told with the next one that is written.

    Times are seconds by any clock that never goes back.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._second = 0
        self._written = 0
        self._left_out = 0

    def take(self, now_s: float) -> int | None:
        """None: leave this line out. Else write it, and how many were left out since the one before."""
        if int(now_s) != self._second:
            self._second, self._written = int(now_s), 0
        if self._written >= self._most:
            self._left_out += 1
            return None
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        return left_out
