"""`carpool region`, as a person types it."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import networkx as nx
import pytest
from typer.testing import CliRunner, Result

from api.cli.__main__ import app
from tests.osm_files import StreetMap


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARPOOL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("CARPOOL_GEOFABRIK_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    return StreetMap().way([0, 1, 2], name="A").way([1, 11], name="B").write(tmp_path / "tiny.osm.pbf")


def _run(*arguments: str, columns: int = 200) -> Result:
    environment = {"COLUMNS": str(columns)}
    return CliRunner().invoke(app, ["region", *arguments], catch_exceptions=False, env=environment)


def test_add_show_and_list(extract: Path) -> None:
    assert "No regions yet" in _run("list").stdout
    added = _run("add", str(extract), "--name", "mine")
    assert added.exit_code == 0
    assert "Region mine" in added.stdout
    assert "3 street pieces" in added.stdout
    assert "mine" in _run("list").stdout
    assert [region["name"] for region in json.loads(_run("list", "--json").stdout)] == ["mine"]
    shown = json.loads(_run("show", "mine", "--json").stdout)
    assert (shown["nodes"], shown["arcs"], shown["source_file"]) == (4, 6, "tiny.osm.pbf")
    assert (shown["public_points"], shown["public_spacing_m"]) == (1, 500.0)
    assert shown["fingerprint"] in _run("show", "mine").stdout
    narrow = _run("show", "mine", columns=60).stdout
    assert shown["fingerprint"] in "".join(line.strip("│ ").split("│")[-1].strip() for line in narrow.splitlines())


def test_show_without_a_name_shows_the_region_that_is_served(extract: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run("add", str(extract))
    monkeypatch.setenv("CARPOOL_REGION", "tiny")
    assert json.loads(_run("show", "--json").stdout)["name"] == "tiny"


def test_errors_are_one_line_and_the_region_in_use_stays(extract: Path, tmp_path: Path) -> None:
    _run("add", str(extract))
    (tmp_path / "bad.osm.pbf").write_bytes(b"<!doctype html>")
    refused = _run("add", "bad.osm.pbf", "--name", "tiny")
    assert refused.exit_code == 2
    assert "bad.osm.pbf is not a whole OpenStreetMap file" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert _run("show", "tiny").exit_code == 0
    missing = _run("show", "other")
    assert missing.exit_code == 1
    assert "there is no region other" in missing.stderr
    assert _run("add", str(extract), "--name", "../up").exit_code == 2


def test_a_damaged_region_does_not_hide_the_others(extract: Path, data_dir: Path) -> None:
    _run("add", str(extract), "--name", "good")
    _run("add", str(extract), "--name", "bad")
    (data_dir / "regions" / "bad" / "manifest.json").write_text("{")
    listed = _run("list")
    assert "good" in listed.stdout
    assert "bad: region bad" in listed.stderr


def test_export_writes_graphml(extract: Path, tmp_path: Path) -> None:
    _run("add", str(extract))
    assert _run("export", "tiny", "tiny.graphml").exit_code == 0
    assert nx.read_graphml(tmp_path / "tiny.graphml", force_multigraph=True).number_of_edges() == 6
    refused = _run("export", "tiny", "no/such/folder.graphml")
    assert refused.exit_code == 1
    assert "No such file" in refused.stderr


def test_meeting_points_are_loaded_shown_and_cleared(extract: Path, tmp_path: Path) -> None:
    _run("add", str(extract))
    listed = tmp_path / "list.csv"
    rows = ["a;Market;9,0005;47,0001;true", "b;Shut;9,0005;47,0001;false", "c;Paris;2,35;48,85;true", "d;;9;47;true"]
    listed.write_text("\n".join(["id_lieu;nom_lieu;Xlong;Ylat;ouvert", *rows]))
    loaded = _run("meeting-points", "list.csv", "--region", "tiny")
    assert loaded.exit_code == 0
    assert "line 4: 48.8500, 2.3500 lies outside the region" in loaded.stderr
    assert "line 5: nom_lieu is empty" in loaded.stderr
    told = [line.strip("│ ").split("│") for line in loaded.stdout.splitlines() if "│" in line]
    assert {label.strip(): count.strip() for label, count in told} == {
        "open": "1",
        "closed, kept and not offered": "1",
        "skipped: no name": "1",
        "skipped: outside the region": "1",
    }
    report = json.loads(_run("meeting-points", "list.csv", "--region", "tiny", "--json").stdout)
    assert (report["kept"], report["open"]) == (2, 1)
    assert [(row["line"], row["place_id"], row["code"]) for row in report["skipped"]] == [
        (4, "c", "outside_region"),
        (5, "d", "no_name"),
    ]
    shown = json.loads(_run("show", "tiny", "--json").stdout)["meeting_places"]
    assert (shown["count"], shown["open"], shown["off_road"], shown["source_file"]) == (2, 1, 0, "list.csv")
    assert "2 (1 open) from list.csv" in _run("show", "tiny").stdout
    assert "any more" in _run("meeting-points", "--clear", "--region", "tiny").stdout
    assert json.loads(_run("show", "tiny", "--json").stdout)["meeting_places"] is None


def test_latin_1_is_read_with_a_warning(extract: Path, tmp_path: Path) -> None:
    _run("add", str(extract))
    (tmp_path / "list.csv").write_bytes("id_lieu,nom_lieu,Xlong,Ylat\na,Étang,9.0005,47.0001\n".encode("latin-1"))
    loaded = _run("meeting-points", "list.csv", "--region", "tiny")
    assert loaded.exit_code == 0
    assert "Latin-1" in loaded.stderr


def test_speeds_are_loaded_shown_and_cleared(extract: Path, tmp_path: Path) -> None:
    _run("add", str(extract))
    assert json.loads(_run("show", "tiny", "--json").stdout)["speeds"]["source"] == "free flow"
    (tmp_path / "mine.csv").write_text("class,hour_from,hour_to,days,factor\nresidential,7,9,mon-fri,2\n")
    loaded = _run("speeds", "mine.csv", "--region", "tiny")
    assert loaded.exit_code == 0
    assert "mon-fri 07-09" in loaded.stdout
    slots = json.loads(_run("show", "tiny", "--json").stdout)["speeds"]["slots"]
    assert {slot["name"]: slot["hours"] for slot in slots} == {
        "free_flow": ["mon-fri 00-07, 09-24", "sat-sun 00-24"],
        "morning_peak": ["mon-fri 07-09"],
    }
    assert "free_flow, morning_peak" in _run("show", "tiny").stdout
    cleared = json.loads(_run("speeds", "--clear", "--region", "tiny", "--json").stdout)
    assert cleared == json.loads(_run("show", "tiny", "--json").stdout)["speeds"]
    assert cleared == {"source": "free flow", "slots": [{"name": "free_flow", "hours": ["mon-sun 00-24"]}]}
    assert "evening_peak" in _run("speeds", "--default", "--region", "tiny").stdout
    assert "free_flow, morning_peak, evening_peak" in _run("show", "tiny").stdout


def test_what_cannot_be_added_is_told_and_changes_nothing(extract: Path, tmp_path: Path) -> None:
    _run("add", str(extract))
    (tmp_path / "bad.csv").write_text("class,hour_from,hour_to,days,factor\nlane,9,7,mon,2\nprimary,7,9,mon,99\n")
    refused = _run("speeds", "bad.csv", "--region", "tiny")
    assert refused.exit_code == 2
    assert "line 2: 'lane' is no class of road" in refused.stderr
    assert "line 3: factor must be" in refused.stderr
    assert _run("meeting-points", "bad.csv", "--region", "tiny").exit_code == 2
    assert _run("meeting-points", "bad.csv", "--region", "other").exit_code in (1, 2)
    for command in ("meeting-points", "speeds"):
        assert "name a file" in _run(command, "--region", "tiny").stderr
        assert "take no file" in _run(command, "bad.csv", "--clear", "--region", "tiny").stderr


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is that of the base class
        """Quiet."""


@pytest.fixture
def mirror(tmp_path: Path, extract: Path) -> Iterator[str]:
    """A download server with one extract."""
    folder = tmp_path / "mirror" / "europe"
    folder.mkdir(parents=True)
    content = extract.read_bytes()
    (folder / "tiny-latest.osm.pbf").write_bytes(content)
    digest = hashlib.md5(content).hexdigest()  # noqa: S324  # what such servers publish
    (folder / "tiny-latest.osm.pbf.md5").write_text(f"{digest}  tiny-latest.osm.pbf\n")
    handler = partial(_Quiet, directory=str(folder.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_download_fetches_and_imports(mirror: str, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    monkeypatch.setenv("CARPOOL_GEOFABRIK_URL", mirror)
    fetched = _run("download", "europe/tiny", "--no-import")
    assert fetched.exit_code == 0
    assert (data_dir / "downloads" / "europe-tiny-latest.osm.pbf").is_file()
    assert json.loads(_run("list", "--json").stdout) == []
    assert _run("download", "europe/tiny").exit_code == 0
    assert _run("download", "europe/tiny", "--name", "second").exit_code == 0
    assert [region["name"] for region in json.loads(_run("list", "--json").stdout)] == ["second", "tiny"]
    unknown = _run("download", "europe/atlantis")
    assert unknown.exit_code == 1
    assert "there is no extract europe/atlantis" in unknown.stderr


def test_tiles_are_built_anew_for_a_region(extract: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added = _run("add", str(extract), "--name", "mine")
    assert "Tiles of the map, zooms 5 to 14" in added.stdout
    (tiles,) = data_dir.rglob("*.mbtiles")
    tiles.unlink()
    built = _run("tiles", "mine")
    assert built.exit_code == 0
    assert "Tiles of the map, zooms 5 to 14" in built.stdout
    assert [path.name for path in data_dir.rglob("*.mbtiles")] == [tiles.name]
    # Of the region that is served, and with what only the extract has.
    monkeypatch.setenv("CARPOOL_REGION", "mine")
    assert _run("tiles", "--extract", str(extract)).exit_code == 0
    missing = _run("tiles", "other")
    assert missing.exit_code == 1
    assert "other" in missing.stderr
    assert "Traceback" not in missing.stderr
