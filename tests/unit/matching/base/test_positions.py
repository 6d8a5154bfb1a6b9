"""Integer arithmetic on edges: exact, monotone, and the same from both sides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import (
    FRACTION_ONE,
    INFINITE,
    along_edge,
    fixed_position,
    fraction_to_fixed,
    leave,
    part_of,
    reach,
    split_cost,
)

costs = st.builds(lambda ms, cm: ms << 32 | cm, st.integers(0, 10**8), st.integers(0, 10**8))
spots = st.integers(0, FRACTION_ONE)


def test_fractions_are_rounded_to_the_nearest_and_kept_within_the_edge() -> None:
    assert fraction_to_fixed(0.0) == 0
    assert fraction_to_fixed(1.0) == 1 << 30
    assert fraction_to_fixed(0.5) == 1 << 29
    assert fraction_to_fixed(1.4 / (1 << 30)) == 1
    assert fraction_to_fixed(1.6 / (1 << 30)) == 2
    assert fraction_to_fixed(-0.1) == 0
    assert fraction_to_fixed(1.1) == 1 << 30
    assert fixed_position(RoadPosition(7, 0.25)) == (7, 1 << 28)


def test_parts_are_rounded_half_up_in_time_and_length_apart() -> None:
    whole = 3 << 32 | 5
    assert split_cost(part_of(whole, 1 << 29)) == (2, 3)  # 1.5 and 2.5
    assert split_cost(part_of(whole, (1 << 29) - 1)) == (1, 2)
    assert split_cost(part_of(whole, FRACTION_ONE)) == (3, 5)
    assert part_of(whole, 0) == 0


@given(cost=costs, one=spots, other=spots)
def test_parts_grow_along_the_edge_in_both_halves(cost: int, one: int, other: int) -> None:
    low, high = split_cost(part_of(cost, min(one, other))), split_cost(part_of(cost, max(one, other)))
    assert low[0] <= high[0] <= cost >> 32
    assert low[1] <= high[1] <= cost & 0xFFFFFFFF


@given(forward=costs, backward=costs, at=spots)
def test_driving_up_to_a_position_and_on_is_driving_the_whole_edge(forward: int, backward: int, at: int) -> None:
    to_start, to_end = leave(forward, backward, at)
    from_start, from_end = reach(forward, backward, at)
    assert from_start + to_end == forward
    assert from_end + to_start == backward


@given(forward=costs, backward=costs, here=spots, there=spots)
def test_along_one_edge_the_direction_is_the_one_that_leads_there(
    forward: int, backward: int, here: int, there: int
) -> None:
    cost = along_edge(forward, backward, here, there)
    if here < there:
        assert cost == part_of(forward, there) - part_of(forward, here)
        assert along_edge(INFINITE, backward, here, there) == INFINITE
    elif here > there:
        assert cost == leave(forward, backward, here)[0] - leave(forward, backward, there)[0]
        assert along_edge(forward, INFINITE, here, there) == INFINITE
    else:
        assert cost == 0


def test_a_closed_direction_is_no_way() -> None:
    assert leave(10 << 32, INFINITE, 0) == (INFINITE, 10 << 32)
    assert reach(INFINITE, 10 << 32, FRACTION_ONE) == (INFINITE, 0)
