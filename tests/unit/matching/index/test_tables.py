"""Tables of row numbers do what a dict does, whatever is entered, replaced and dropped, and however often they grow."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.matching.index.tables import DriverRows, IdTable
from tests.examples import examples

#: Few ids, among them such as differ in one half only.
ids = st.tuples(st.integers(0, 6), st.sampled_from([0, 1, 7, 2**63, 2**64 - 1]))
writes = st.lists(st.tuples(st.sampled_from(["enter", "enter", "drop"]), st.lists(ids, min_size=1, max_size=20)))


@settings(max_examples=examples(30))
@given(writes=writes, expected=st.sampled_from([0, 3, 500]))
def test_an_id_table_is_a_dict(writes: list[tuple[str, list[tuple[int, int]]]], expected: int) -> None:
    table = IdTable(expected)
    held: dict[tuple[int, int], int] = {}
    rows = sum(len(which) for act, which in writes if act == "enter")
    high, low = np.zeros(rows, np.uint64), np.zeros(rows, np.uint64)
    row = 0
    for act, which in writes:
        if act == "drop":
            for one in which:
                assert table.drop(high, low, *one) == held.pop(one, -1)
            continue
        first = row
        replaced: list[int] = []
        for one in which:
            high[row], low[row] = one
            if one in held:
                replaced.append(held[one])
            held[one] = row
            row += 1
        assert table.enter(high, low, first, row).tolist() == replaced
        assert table.count == len(held)
    every = [(a, b) for a in range(8) for b in (0, 1, 7, 2**63, 2**64 - 1)]
    assert [table.find(high, low, *one) for one in every] == [held.get(one, -1) for one in every]
    many = np.array(every, dtype=np.uint64).reshape(-1, 2)
    assert table.find_many(high, low, many[:, 0].copy(), many[:, 1].copy()).tolist() == [
        held.get(one, -1) for one in every
    ]


def test_a_table_that_is_written_over_and_over_does_not_fill_up_with_what_has_gone() -> None:
    table = IdTable()
    high, low = np.arange(50_000, dtype=np.uint64), np.zeros(50_000, np.uint64)
    for row in range(50_000):
        table.enter(high, low, row, row + 1)
        assert table.drop(high, low, row, 0) == row
    assert table.count == 0
    assert table.nbytes <= 1024


@settings(max_examples=examples(30))
@given(
    drivers=st.lists(st.integers(0, 9), max_size=300),
    dead=st.sets(st.integers(0, 299)),
    steps=st.lists(st.integers(1, 40), min_size=1),
    capacity=st.sampled_from([1, 8, 400]),
)
def test_a_drivers_rows_are_all_that_are_alive(
    drivers: list[int], dead: set[int], steps: list[int], capacity: int
) -> None:
    table = DriverRows(capacity)
    column = np.array([digest << 60 | digest for digest in drivers], np.uint64)
    first = step = 0
    while first < len(column):
        last = min(len(column), first + steps[step % len(steps)])
        table.enter(column, first, last)
        first, step = last, step + 1
    bits = np.packbits(np.array([row not in dead for row in range(len(column))], dtype=np.bool_), bitorder="little")
    for digest in range(11):
        expected = [row for row, driver in enumerate(drivers) if driver == digest and row not in dead]
        assert table.rows_of(column, bits, digest << 60 | digest).tolist() == expected
