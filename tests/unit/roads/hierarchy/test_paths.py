"""Unpacking, on shortcuts that are nested as deep as can be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from matcher.domain.place import RoadPosition
from matcher.roads.hierarchy.paths import unpack
from matcher.roads.network.graph import read_only
from tests.builders_roads import an_engine, line_of_places, network_of, one_way

LONG = 700


def from_the_left(n: int) -> list[int]:
    """Nodes 2, 3, … before 1 and n - 2, the ends of the drive: each shortcut is the last one and an arc more."""
    return [0, n - 1, *range(2, n - 2), 1, n - 2]


def from_the_right(n: int) -> list[int]:
    """The other way round: one more arc, and the shortcut before it."""
    return [0, n - 1, *range(n - 3, 1, -1), 1, n - 2]


def halving(n: int) -> list[int]:
    """Every other node, then every other of those left: a shortcut is two of half its length."""
    left, order = list(range(2, n - 2)), []
    while left:
        order += left[::2]
        left = left[1::2]
    return [0, n - 1, *order, 1, n - 2]


@pytest.mark.parametrize("order", [from_the_left, from_the_right, halving])
def test_arcs_come_in_driving_order_however_shortcuts_are_nested(order: Callable[[int], list[int]]) -> None:
    network = network_of([one_way(k, k + 1, 1) for k in range(LONG)], line_of_places(LONG + 1))
    engine = an_engine(network, order(LONG + 1))
    drive = engine.pack_drive(RoadPosition(0, 0.0), RoadPosition(LONG - 1, 1.0))
    assert drive is not None
    assert engine.arcs(drive).tolist() == list(range(LONG))
    assert drive.cost >> 32 == LONG
    assert len(drive.codes) == 3, "one shortcut leads from the first street's end to the last one's start"


def test_codes_are_unpacked_one_after_another() -> None:
    # Codes 0, 1 and 2 are arcs 7, 8 and 9; code 3 is 0 then 1; code 4 is 3 then 2.
    first, second = np.array([7, 8, 9, 0, 3], dtype=np.int32), np.array([-1, -1, -1, 1, 2], dtype=np.int32)
    hierarchy = an_engine(network_of([one_way(0, 1, 1)], line_of_places(2))).hierarchy._replace(
        first=read_only(first), second=read_only(second)
    )
    codes = np.array([4, 2, 3, 0], dtype=np.int32)
    assert unpack(hierarchy, codes[:3]).tolist() == [7, 8, 9, 9, 7, 8]
    assert unpack(hierarchy, codes[:0]).tolist() == []
