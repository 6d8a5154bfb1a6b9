"""Stopping a search whose answer nobody waits for any more."""

from __future__ import annotations

import numpy as np


class SearchCancelled(Exception):  # named for what happened
    """The search was stopped at the next step; nobody waits for its answer."""


class Cancellation:
    """A flag that one thread raises and the steps of a search look at.

    `flag` is (1,) uint8, 1 once raised, so that a kernel may look, too.
    """

    def __init__(self) -> None:
        self.flag = np.zeros(1, dtype=np.uint8)

    def cancel(self) -> None:
        """Stop the search at its next step."""
        self.flag[0] = 1

    def check(self) -> None:
        """Raises SearchCancelled once `cancel` was called."""
        if self.flag[0]:
            raise SearchCancelled
