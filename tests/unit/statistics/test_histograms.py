"""Histograms: quantiles keep the error that is stated, for one and for many added up, and what is stored can be
read.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.statistics.histograms import (
    BOUNDS,
    LARGEST,
    MIDDLES,
    NO_BUCKET,
    QUANTILES,
    RELATIVE_ERROR,
    HistogramColumn,
    added,
    pack,
    unpack,
)
from tests.examples import examples

NUMBERS = st.one_of(st.integers(0, 60), st.integers(0, 5000), st.integers(0, LARGEST))


def bucket_of(number: int) -> int:
    return int(np.searchsorted(BOUNDS, min(number, LARGEST), side="right")) - 1


def _counts(numbers: list[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for number in numbers:
        counts[bucket_of(number)] = counts.get(bucket_of(number), 0) + 1
    return counts


@given(st.lists(st.tuples(st.integers(0, 3), st.lists(NUMBERS, max_size=40)), max_size=12))
@settings(max_examples=examples(30))
def test_quantiles_of_groups_are_within_the_error(parts: list[tuple[int, list[int]]]) -> None:
    packed = [pack(_counts(numbers)) for _, numbers in parts]
    column = HistogramColumn(
        b"".join(packed),
        np.asarray([len(one) for one in packed], dtype=np.int64),
        np.asarray([group for group, _ in parts], dtype=np.int64),
        4,
    )
    found = column.quantiles()
    for group in range(4):
        ordered = sorted(number for at, numbers in parts if at == group for number in numbers)
        for q, bucket in zip(QUANTILES, found[group], strict=True):
            if ordered:
                true = ordered[-(-len(ordered) * round(q * 100) // 100) - 1]
                assert abs(MIDDLES[bucket] - true) <= RELATIVE_ERROR * true
            else:
                assert bucket == NO_BUCKET


def test_many_groups_and_few_give_the_same() -> None:
    """A year of hours is not added up as a week of days is."""
    dice = np.random.default_rng(1)
    packed = [pack(_counts(dice.integers(0, 9000, size=30).tolist())) for _ in range(600)]
    lengths = np.asarray([len(one) for one in packed], dtype=np.int64)
    groups = np.arange(600, dtype=np.int64) % 3
    few = HistogramColumn(b"".join(packed), lengths, groups, 3).quantiles()
    many = HistogramColumn(b"".join(packed), lengths, groups, 100).quantiles()
    assert np.array_equal(few, many[:3])
    assert (many[3:] == NO_BUCKET).all()


@given(st.lists(NUMBERS, max_size=30), st.lists(NUMBERS, max_size=30))
def test_adding_is_counting_together(these: list[int], those: list[int]) -> None:
    assert unpack(added(pack(_counts(these)), _counts(those))) == _counts([*these, *those])


def test_every_bucket_is_narrow_enough() -> None:
    for bucket, middle in enumerate(MIDDLES):
        low, high = BOUNDS[bucket], BOUNDS[bucket + 1] - 1
        assert bucket_of(low) == bucket_of(min(high, LARGEST)) == bucket
        for end in (low, high):
            assert abs(middle - end) <= RELATIVE_ERROR * end


def test_bounds_are_those_of_what_is_stored() -> None:
    """Another list would read stored histograms wrongly."""
    assert (len(BOUNDS), BOUNDS[:3], BOUNDS[25:30], BOUNDS[100], BOUNDS[400]) == (
        462,
        (0, 1, 2),
        (25, 27, 29, 31, 33),
        718,
        94_209_772,
    )
    assert all(low < high for low, high in pairwise(BOUNDS))
