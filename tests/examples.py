"""How many examples a property is tried with: some in every run, many more under `make test-thorough`."""

from __future__ import annotations

import os

#: Properties look for new failures, rather than check the same examples in every run.
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
_TIMES = 25


def examples(some: int) -> int:
    """As many examples as given; many times more in a thorough run."""
    return some * _TIMES if THOROUGH else some
