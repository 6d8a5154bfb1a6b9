"""What people add to a region: put on its roads, kept through new imports, replaced whole or not at all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from matcher.domain.errors.tree import RegionFileInvalid, RegionNotFound
from matcher.roads.network.graph import ROAD_CLASSES
from matcher.roads.network.snapping import locate
from matcher.roads.region import meeting_places
from matcher.roads.region import speeds as speed_profiles
from matcher.roads.region.extras import (
    clear_meeting_places,
    clear_speeds,
    load_default_speeds,
    load_meeting_places,
    load_speeds,
)
from matcher.roads.region.meeting_places import PlaceSnapper
from matcher.roads.region.places_file import read_places_file
from matcher.roads.region.store import RegionStore
from tests.osm_files import StreetMap

HEADER = "id_lieu,nom_lieu,type,ouvert,Xlong,Ylat"
SPEEDS = "class,hour_from,hour_to,days,factor\nresidential,7,9,mon-fri,2\n"


@pytest.fixture
def store(tmp_path: Path) -> RegionStore:
    """A region `r`: a square of streets, and a motorway south of it."""
    store = RegionStore(tmp_path / "data")
    store.add(_streets().write(tmp_path / "r.osm.pbf"))
    return store


def _streets() -> StreetMap:
    streets = StreetMap().way([0, 1, 2], "motorway", oneway="no").way([10, 11, 12], name="A")
    return streets.way([12, 22, 21, 20, 10], name="B").way([10, 0], "tertiary").way([2, 12], "tertiary")


def _list(folder: Path, *rows: str) -> Path:
    path = folder / "list.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8")
    return path


def test_places_are_put_on_the_roads(store: RegionStore, tmp_path: Path) -> None:
    assert store.get("r").meeting_places == ()
    path = _list(tmp_path, "a,Market,Parking,true,9.0005,47.0011", "b,Shut,Parking,false,9.0015,47.0009")
    report = load_meeting_places(store, "r", path)
    assert (report.skipped, report.warnings) == ([], [])
    region = store.get("r")
    assert list(region.meeting_places) == report.kept
    assert [(place.id, place.name, place.open) for place in region.meeting_places] == [
        ("a", "Market", True),
        ("b", "Shut", False),
    ]
    on_road = locate(region.network, region.meeting_places[0].position)
    assert (on_road.lat, on_road.lon) == pytest.approx((47.001, 9.0005), abs=1e-6)
    assert region.stored_places is not None
    assert region.stored_places.source_file == "list.csv"


def test_a_place_beside_a_motorway_is_not_put_on_it(store: RegionStore, tmp_path: Path) -> None:
    # 11 m from the motorway, 100 m from the street beside it.
    report = load_meeting_places(store, "r", _list(tmp_path, "a,Exit 7,Sortie d'autoroute,true,9.001,47.0001"))
    region = store.get("r")
    [place] = region.meeting_places
    assert place == report.kept[0]
    assert ROAD_CLASSES[int(region.network.edge_class[place.position.edge])] in ("tertiary", "residential")
    # 76 m east or west of it, or 100 m north.
    assert 75 < locate(region.network, place.position).distance_m(place.coordinate) < 101


@pytest.mark.parametrize(
    ("row", "code", "word"),
    [
        ("b,Paris,Parking,true,2.35,48.85", "outside_region", "outside"),
        ("b,Swapped,Parking,true,47.0005,9.0005", "outside_region", "swapped"),
        ("b,Field,Parking,true,9.001,47.015", "far_from_road", "300 m"),
        ("a,Again,Parking,true,9.0005,47.0011", "duplicate_id", "line 2"),
        ("b,Nowhere,Parking,true,,47.0", "no_coordinates", "Xlong"),
    ],
)
def test_rows_that_cannot_be_used_are_reported_and_the_others_kept(
    store: RegionStore, tmp_path: Path, row: str, code: str, word: str
) -> None:
    good = "a,Market,Parking,true,9.0005,47.0011"
    report = load_meeting_places(store, "r", _list(tmp_path, good, row))
    assert [place.id for place in report.kept] == ["a"]
    assert [(fault.line, fault.code) for fault in report.skipped] == [(3, code)]
    assert word in report.skipped[0].reason
    assert [place.id for place in store.get("r").meeting_places] == ["a"]


def test_the_distance_to_a_road_is_a_parameter(store: RegionStore, tmp_path: Path) -> None:
    path = _list(tmp_path, "a,Near,Parking,true,9.0005,47.0011", "b,Off,Parking,true,9.001,47.0025")  # 11 m, 55 m
    assert [place.id for place in load_meeting_places(store, "r", path, road_limit_m=30).kept] == ["a"]
    assert [place.id for place in load_meeting_places(store, "r", path, road_limit_m=60).kept] == ["a", "b"]
    far = _list(tmp_path, "a,Far,Parking,true,9.001,47.0060")  # 445 m
    with pytest.raises(RegionFileInvalid, match="300 m"):
        load_meeting_places(store, "r", far)
    assert len(load_meeting_places(store, "r", far, road_limit_m=450).kept) == 1
    region = store.get("r")
    assert len(region.meeting_places) == 1
    with pytest.raises(ValueError, match="1000 m"):
        PlaceSnapper(region.network, region.manifest.bbox, 5000)


def test_a_new_import_keeps_the_places_and_puts_them_on_its_roads(store: RegionStore, tmp_path: Path) -> None:
    path = _list(tmp_path, "a,Market,Parking,true,9.0005,47.0011", "b,Hill,Parking,true,9.001,47.0021")
    load_meeting_places(store, "r", path)
    before = store.get("r").meeting_places
    # Street B is gone, and a new street comes first in the file: edges have other numbers.
    streets = StreetMap().way([30, 31], name="New").way([30, 10], name="New").way([10, 11, 12], name="A").way([12, 31])
    store.add(streets.write(tmp_path / "r.osm.pbf"))
    region = store.get("r")
    for place in region.meeting_places:
        assert locate(region.network, place.position).distance_m(place.coordinate) < 150
    assert [place.id for place in region.meeting_places] == ["a", "b"]
    assert [place.position for place in region.meeting_places] != [place.position for place in before]
    # Streets far from both: the list is kept, nothing of it is offered.
    store.add(
        StreetMap().node(90, at=(47.2, 9.2)).node(91, at=(47.201, 9.2)).way([90, 91]).write(tmp_path / "r.osm.pbf")
    )
    region = store.get("r")
    assert region.meeting_places == ()
    assert region.stored_places is not None
    assert len(region.stored_places.places) == 2


def test_a_list_replaces_the_one_before(store: RegionStore, tmp_path: Path) -> None:
    load_meeting_places(store, "r", _list(tmp_path, "a,Market,,,9.0005,47.0011", "b,Hill,,,9.001,47.0021"))
    load_meeting_places(store, "r", _list(tmp_path, "c,Mill,,,9.0005,47.0011"))
    assert [place.id for place in store.get("r").meeting_places] == ["c"]
    assert clear_meeting_places(store, "r") is True
    assert store.get("r").meeting_places == ()
    assert clear_meeting_places(store, "r") is False


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<!doctype html>", "not a list of carpool places"),
        (HEADER, "no rows"),
        (
            f"{HEADER}\na,Paris,,,2.35,48.85\nb,Lyon,,,4.83,45.76\nc,,,,1,1\nd,Nice,,,7,43",
            r"line 2.*\n.*line 3.*\n.*line 4.*\n.*1 more",
        ),
    ],
)
def test_a_file_without_one_usable_place_changes_nothing(
    store: RegionStore, tmp_path: Path, content: str, words: str
) -> None:
    load_meeting_places(store, "r", _list(tmp_path, "a,Market,,,9.0005,47.0011"))
    bad = tmp_path / "bad.csv"
    bad.write_text(content)
    with pytest.raises(RegionFileInvalid, match=words):
        load_meeting_places(store, "r", bad)
    assert [place.id for place in store.get("r").meeting_places] == ["a"]


def test_speeds_are_kept_through_imports(store: RegionStore, tmp_path: Path) -> None:
    assert store.get("r").speed_profile == speed_profiles.FREE_FLOW_ONLY
    path = tmp_path / "mine.csv"
    path.write_text(SPEEDS)
    profile = load_speeds(store, "r", path)
    assert [slot.name for slot in profile.slots] == ["free_flow", "morning_peak"]
    store.add(_streets().write(tmp_path / "r.osm.pbf"))
    assert store.get("r").speed_profile.slots == profile.slots
    assert clear_speeds(store, "r") is True
    assert store.get("r").speed_profile == speed_profiles.FREE_FLOW_ONLY
    assert clear_speeds(store, "r") is False
    assert load_default_speeds(store, "r") == speed_profiles.default_profile()
    assert store.get("r").speed_profile.slots == speed_profiles.default_profile().slots


def test_a_bad_profile_changes_nothing(store: RegionStore, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(SPEEDS)
    load_speeds(store, "r", path)
    for content in (SPEEDS.replace("2\n", "20\n"), SPEEDS.replace("mon-fri", "weekdays"), "\xe9"):
        path.write_bytes(content.encode("latin-1"))
        with pytest.raises(RegionFileInvalid, match=r"mine\.csv is no"):
            load_speeds(store, "r", path)
    assert len(store.get("r").speed_profile.slots) == 2
    with pytest.raises(RegionFileInvalid, match="No such file"):
        load_speeds(store, "r", tmp_path / "absent.csv")


def test_absent_regions(store: RegionStore, tmp_path: Path) -> None:
    speeds = tmp_path / "mine.csv"
    speeds.write_text(SPEEDS)
    places = _list(tmp_path, "a,Market,,,9.0005,47.0011")
    for attempt in (
        lambda: load_meeting_places(store, "x", places),
        lambda: load_speeds(store, "x", speeds),
        lambda: clear_meeting_places(store, "x"),
        lambda: clear_speeds(store, "x"),
    ):
        with pytest.raises(RegionNotFound):
            attempt()


def test_damage_is_told_and_mended_by_loading_again(store: RegionStore, tmp_path: Path) -> None:
    path = _list(tmp_path, "a,Market,,,9.0005,47.0011")
    load_meeting_places(store, "r", path)
    stored = store.get("r").beside / meeting_places.FILE
    whole = json.loads(stored.read_text())
    for damaged in ("", "{", "[]", json.dumps(whole | {"format": 2}), json.dumps(whole | {"places": [{}]})):
        stored.write_text(damaged)
        with pytest.raises(RegionFileInvalid, match="load it again"):
            _ = store.get("r").meeting_places
    load_meeting_places(store, "r", path)
    assert len(store.get("r").meeting_places) == 1
    (store.get("r").beside / speed_profiles.FILE).write_text("nonsense")
    with pytest.raises(RegionFileInvalid, match="not a valid speed profile"):
        _ = store.get("r").speed_profile


def test_a_kill_while_writing_leaves_the_old_list(store: RegionStore, tmp_path: Path) -> None:
    load_meeting_places(store, "r", _list(tmp_path, "a,Market,,,9.0005,47.0011"))
    new = _list(tmp_path, "c,Mill,,,9.0005,47.0011")
    script = f"""
        import os, pathlib, signal
        from matcher.roads.region.extras import load_meeting_places
        from matcher.roads.region.store import RegionStore
        pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        load_meeting_places(RegionStore(pathlib.Path({str(tmp_path / "data")!r})), "r", pathlib.Path({str(new)!r}))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [place.id for place in store.get("r").meeting_places] == ["a"]
    load_meeting_places(store, "r", new)
    assert [place.id for place in store.get("r").meeting_places] == ["c"]
    # What the kill left is gone, and an import minds neither it nor the list.
    store.add(_streets().write(tmp_path / "r.osm.pbf"))
    assert not list(store.get("r").beside.glob("*.part"))


def test_bytes_of_all_kinds(tmp_path: Path) -> None:
    text = "id_lieu;nom_lieu;Xlong;Ylat\r\na;Aire de l'Étang;1,0;46,0\r\n"
    path = tmp_path / "list.csv"
    for encoding, warned in (("utf-8", False), ("utf-8-sig", False), ("latin-1", True)):
        path.write_bytes(text.encode(encoding))
        found = read_places_file(path)
        assert [place.name for place in found.places] == ["Aire de l'Étang"]
        assert found.faults == []
        assert [("line 2" in warning and "Latin-1" in warning) for warning in found.warnings] == [True] * warned


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RegionFileInvalid, match="No such file"):
        read_places_file(tmp_path / "absent.csv")
