"""Kernels of walking are compiled for one set of types, whether a region was just imported or is mapped from disk."""

from __future__ import annotations

from pathlib import Path

import numba
import pytest

from matcher.domain.place import Coordinate, Place, RoadPosition
from matcher.roads.foot import meeting_points, walking
from matcher.roads.foot.kernels import spread_out, walks_within
from matcher.roads.foot.meeting_points import MeetingPoints
from matcher.roads.foot.walking import Walks
from matcher.roads.osm.extract import import_extract
from matcher.roads.region.store import RegionStore
from tests.osm_files import StreetMap


def test_one_compilation_serves_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Kernels of the test's own: those of the process may have been called by other tests, with types that no region
    # has.
    walks, spread = numba.njit(walks_within.py_func), numba.njit(spread_out.py_func)
    monkeypatch.setattr(walking, "walks_within", walks)
    monkeypatch.setattr(meeting_points, "spread_out", spread)
    streets = StreetMap().way([0, 1, 2, 3, 4], name="A").way([2, 12], name="B").way([12, 14, 4], "footway")
    path = streets.write(tmp_path / "r.osm.pbf")
    fresh = import_extract(path)
    store = RegionStore(tmp_path / "data")
    store.add(path)
    mapped = store.get("r")
    door = Place(Coordinate(lat=47.0001, lon=9.0005), "home", RoadPosition(0, 0.5), 11.0)
    found = [
        MeetingPoints(region.network, Walks(region.walk_network)).candidates(door, limit_m)
        for region in (fresh, mapped)
        for limit_m in (150, 1000.5)
    ]
    assert found[:2] == found[2:]
    assert len(found[1]) > len(found[0]) > 1
    assert len(walks.signatures) == 1
    assert len(spread.signatures) == 1
