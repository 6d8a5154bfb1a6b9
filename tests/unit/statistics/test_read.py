"""Cells with too few searches are merged or hidden, and nothing goes uncounted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.cell import Cell
from matcher.statistics.model import DemandCell
from matcher.statistics.read import merged_cells, supply_numbers
from matcher.statistics.store import SupplyRow

CELLS = st.builds(lambda x, y: Cell(15, 9000 + x, 19000 + y), st.integers(0, 9), st.integers(0, 9))
COUNTS = st.integers(0, 9).flatmap(lambda unmatched: st.tuples(st.integers(unmatched, 20), st.just(unmatched)))


@given(st.dictionaries(CELLS, COUNTS, max_size=40), st.integers(2, 12))
def test_no_cell_has_too_few_and_nobody_is_counted_twice(counts: dict[Cell, tuple[int, int]], least: int) -> None:
    shown, hidden = merged_cells([(cell, *numbers) for cell, numbers in counts.items()], least)
    assert all(cell.unmatched >= least for cell in shown)
    assert sum(cell.unmatched for cell in shown) + hidden == sum(unmatched for _, unmatched in counts.values())
    assert len({cell.cell for cell in shown}) == len(shown)
    assert {cell.cell for cell in shown if not cell.merged} == {
        cell for cell, (_, unmatched) in counts.items() if unmatched >= least
    }
    assert list(shown) == sorted(shown, key=lambda cell: (-cell.unmatched, cell.cell))
    # What is hidden is too few even four cells wide.
    left: dict[Cell, int] = {}
    for cell, (_, unmatched) in counts.items():
        is_shown = any(
            one.cell == cell.parent(levels) for levels in (0, 1, 2) for one in shown if one.merged == (levels > 0)
        )
        if not is_shown:
            left[cell.parent(2)] = left.get(cell.parent(2), 0) + unmatched
    assert all(unmatched < least for unmatched in left.values())


def test_neighbours_are_counted_together() -> None:
    cells = [(Cell(15, 8, 8), 4, 3), (Cell(15, 9, 9), 9, 2), (Cell(15, 10, 10), 7, 7), (Cell(15, 20, 20), 1, 1)]
    assert merged_cells(cells, 5) == (
        (
            DemandCell(Cell(15, 10, 10), 7, 7, merged=False),
            DemandCell(Cell(14, 4, 4), 13, 5, merged=True),
        ),
        1,
    )


def test_statuses_stand_in_the_order_of_a_life_whichever_hour_they_come_from() -> None:
    rows = [
        SupplyRow(0, "PAST", 1, 3, 1, 0),
        SupplyRow(0, "CONFIRMED", 0, 0, 0, 2),
        SupplyRow(900, "OPEN", 1, 3, 0, 0),
        SupplyRow(900, "WAITING_CONFIRMATION", 0, 0, 0, 1),
    ]
    found = supply_numbers(rows)
    assert list(found.by_status.items()) == [("OPEN", 1), ("PAST", 1)]
    assert list(found.bookings.items()) == [("WAITING_CONFIRMATION", 1), ("CONFIRMED", 2)]
