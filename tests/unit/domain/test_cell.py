"""Cells: no finer than a kilometre anywhere, one for each place, and each inside its parent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.cell import MIN_CELL_M, Cell
from matcher.domain.place import Coordinate

PLACES = st.builds(
    lambda lat, lon: Coordinate(lat=lat, lon=lon),
    lat=st.floats(-90, 90, allow_nan=False),
    lon=st.floats(-180, 180, allow_nan=False),
)


@given(PLACES)
def test_a_cell_holds_its_place_and_is_wide_enough(place: Coordinate) -> None:
    cell = Cell.of(place)
    low, high = cell.corners
    slack = 1e-9  # of rounding, in degrees
    if abs(place.lat) < 85.05:
        assert low.lat - slack <= place.lat <= high.lat + slack
    assert low.lon - slack <= place.lon <= high.lon + slack
    widths = [
        Coordinate(lat=lat, lon=low.lon).distance_m(Coordinate(lat=lat, lon=high.lon)) for lat in (low.lat, high.lat)
    ]
    assert min(widths) >= MIN_CELL_M
    assert Coordinate(lat=low.lat, lon=low.lon).distance_m(Coordinate(lat=high.lat, lon=low.lon)) >= MIN_CELL_M
    if abs(place.lat) < 60:
        # Nor needlessly coarse: between one and a few kilometres where people live.
        assert max(widths) <= 2.5 * MIN_CELL_M


@given(PLACES)
def test_a_number_is_the_cell(place: Coordinate) -> None:
    cell = Cell.of(place)
    assert Cell.from_number(cell.number) == cell
    assert 0 <= cell.number < 2**63


@given(PLACES, st.floats(-0.02, 0.02), st.floats(-0.02, 0.02))
def test_cells_do_not_overlap(place: Coordinate, north: float, east: float) -> None:
    """Of two neighbours neither is inside the other: a place belongs to one cell only."""
    near = Coordinate(lat=max(-90.0, min(90.0, place.lat + north)), lon=max(-180.0, min(180.0, place.lon + east)))
    one, other = Cell.of(place), Cell.of(near)
    finer, coarser = sorted((one, other), key=lambda cell: -cell.level)
    if finer != coarser:
        assert finer.parent(finer.level - coarser.level) != coarser


@given(PLACES)
def test_a_parent_is_around_its_cell(place: Coordinate) -> None:
    cell = Cell.of(place)
    (south_west, north_east), (low, high) = cell.corners, cell.parent().corners
    slack = 1e-9
    assert low.lat - slack <= south_west.lat < north_east.lat <= high.lat + slack
    assert low.lon - slack <= south_west.lon < north_east.lon <= high.lon + slack
