"""The bound by which pairs of legs are passed over is the very least, to the millisecond: an offer that just fits is
never lost.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matcher.matching.scan.itineraries import LEG_COSTS, NOWHERE_MS, least_detour_ms


@given(
    legs=st.lists(
        st.tuples(st.tuples(*[st.integers(0, 1000)] * 4), st.integers(0, 1000), st.integers(0, 2)),
        min_size=1,
        max_size=6,
    ),
    direct=st.integers(0, 1000),
)
def test_it_is_the_least_over_pairs_of_legs_with_seats(
    legs: list[tuple[tuple[int, ...], int, int]], direct: int
) -> None:
    costs = np.zeros(len(legs), LEG_COSTS)
    for k, name in enumerate(("to_pickup", "from_pickup", "to_dropoff", "onward")):
        costs[name] = np.array([drives[k] for drives, _, _ in legs], np.int64) << 32
    base, seats = np.array([b for _, b, _ in legs], np.int64) << 32, np.array([s for _, _, s in legs], np.uint8)
    seated = [(drives, base_ms) for drives, base_ms, free in legs if free >= 1]
    wanted = [to_pickup + direct + onward - base_ms for (to_pickup, _, _, onward), base_ms in seated]
    for j, ((_, _, to_dropoff, onward), base_j) in enumerate(seated):
        for (to_pickup, from_pickup, _, _), base_i in seated[:j]:
            wanted.append(to_pickup + from_pickup - base_i + to_dropoff + onward - base_j)
    found = least_detour_ms(0, costs, base, seats, direct, 1)
    assert found == min(wanted, default=NOWHERE_MS)
