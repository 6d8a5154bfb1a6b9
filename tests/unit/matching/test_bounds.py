"""The 32-bit sieve: it lists a row exactly when the row may still be nearer than the threshold."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.matching.bounds import FAR, least_times, within_reach
from matcher.matching.feasible import NO_MISS
from matcher.matching.positions import INFINITE


def listed(
    threshold: int, beyond: list[int], *, begin: int = 0, open_rows: list[int] | None = None
) -> list[tuple[int, int]]:
    """(row, bound) of rows [begin, …) whose detour is `beyond` ms longer than they accept; all lie at node 0, ten seconds long."""
    k = len(beyond)
    node, other = np.zeros(begin + k, np.uint32), np.ones(begin + k, np.uint32)
    near, far = np.full(begin + k, 1_000, np.int32), np.full(begin + k, FAR, np.int32)
    longest = np.full(begin + k, -(10**6), np.int32)
    longest[begin:] = 10_000 - np.array(beyond)
    rows, bounds = np.empty(k + 1, np.int32), np.empty(k + 1, np.int32)
    left = within_reach(
        begin, begin + k, np.array(open_rows or [1] * k, np.uint8),
        node, other, near, far, other, node, far, near, longest,
        np.array([3_000, 0], np.int32), np.array([2_000, 0], np.int32), 3_000, threshold, rows, bounds,
    )  # fmt: skip
    return list(zip(rows[:left].tolist(), bounds[:left].tolist(), strict=True))


@pytest.mark.parametrize("threshold", [1, 2, 5_000])
def test_a_row_is_listed_up_to_the_threshold_and_not_at_it(threshold: int) -> None:
    beyond = [threshold - 1, threshold, threshold + 1, -5_000, 0]
    assert listed(threshold, beyond) == [(0, threshold - 1), (3, -5_000), (4, 0)]


def test_without_a_threshold_every_open_row_is_listed() -> None:
    assert listed(NO_MISS, [0, 10**8, -3], open_rows=[1, 1, 0]) == [(0, 0), (1, 10**8)]


def test_rows_of_a_later_block_are_listed_by_their_own_numbers() -> None:
    assert listed(1, [7, 0, 7, -1], begin=100) == [(101, 0), (103, -1)]


def test_a_stop_far_from_the_dropoff_is_out_by_the_second_look() -> None:
    """On the way to the pickup it is within its budget; the way on from the dropoff is what is too long."""
    assert listed(1, [1, 2_999, 3_001]) == []


def test_times_are_cut_where_there_is_no_way_and_free_beside_the_riders_own_edges() -> None:
    distance = np.array(
        [[5 << 32 | 99, INFINITE], [INFINITE + (7 << 32), 6 << 32], [1 << 32, 2 << 32], [3 << 32, 4 << 32]]
    )
    edges = np.array([[0, 1, 0, 0], [2, 3, 0, 0]], dtype=np.int64)
    to_pickup, from_dropoff = np.empty(4, np.int32), np.empty(4, np.int32)
    least_times(distance, edges, 1, 0, to_pickup, from_dropoff)
    assert to_pickup.tolist() == [5, FAR, -FAR, -FAR]
    assert from_dropoff.tolist() == [-FAR, -FAR, 2, 4]
