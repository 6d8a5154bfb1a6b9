"""Why offers are turned away: the one table of reasons, in the order in which they are counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from matcher.domain.match import TurnedAway
from matcher.matching.base.positions import AnyArray


class Reason(NamedTuple):
    """applied_by: the kernels that test for it. relaxed_by: codes of the hints that can mend it, see `hints`."""

    name: TurnedAway
    applied_by: tuple[str, ...]
    relaxed_by: tuple[str, ...] = ()


#: The first that applies to an offer is counted. Kernels count by name: `counts[0].no_seats`.
REASONS = (
    Reason(TurnedAway.OWN_OFFER, ("sieve.other_than_these",)),
    Reason(
        TurnedAway.OUTSIDE_WINDOW,
        ("sieve.told_by_zone", "sieve.admit_rows", "gather", "insertion"),
        ("widen_window", "walk_more"),
    ),
    Reason(TurnedAway.NO_SEATS, ("sieve.told_by_zone", "sieve.admit_rows", "insertion"), ("fewer_seats",)),
    Reason(TurnedAway.DETOUR, ("sieve.admit_rows", "sieve.sift", "gather", "insertion"), ("walk_more", "nearest_miss")),
    Reason(TurnedAway.DETOUR_LENGTH, ("gather", "insertion"), ("walk_more",)),
)
#: How many offers were turned away for each reason.
COUNTS = np.dtype([(reason.name.value, np.int64) for reason in REASONS])


def no_counts() -> AnyArray:
    """(1,) COUNTS of 0, which kernels add to."""
    return np.zeros(1, COUNTS)


def by_reason(counts: AnyArray) -> dict[TurnedAway, int]:
    """The counts that are not 0, in order."""
    return {reason.name: count for reason, count in zip(REASONS, counts[0].item(), strict=True) if count}
