"""The store of regions: what was imported, under `<data_dir>/regions`, replaced atomically.

`regions/<name>` is a symbolic link to the version in use, `.versions/<name>/<something>`. A new version is written
beside it, synced, and the link is renamed over: a crash at any moment leaves the old version or the new one, whole. The
version that was replaced stays until the next import of that name, so that a service that is just opening it can
finish. What people add to a region, its meeting places and its speed profile, lies beside the versions and outlives
them.
"""

from __future__ import annotations

import csv
import fcntl
import functools
import importlib.resources
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from matcher.domain.errors.tree import InvalidField, RegionFileInvalid, RegionFormatTooNew, RegionNotFound
from matcher.domain.place import BoundingBox, Coordinate
from matcher.progress import Progress, no_progress
from matcher.roads.foot.meeting_place import MeetingPlace
from matcher.roads.foot.network import WalkNetwork
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import RoadNetwork
from matcher.roads.network.public_points import DEFAULT_SPACING_M
from matcher.roads.osm.extract import ImportedExtract, import_extract
from matcher.roads.region import meeting_places
from matcher.roads.region import speeds as speed_profiles
from matcher.roads.region.files import (
    FORMAT_VERSION,
    MANIFEST,
    Manifest,
    fingerprint_of,
    inventory,
    load_arrays,
    load_manifest,
    save_arrays,
    save_manifest,
    save_rows,
    sha256_of,
    sync,
    sync_tree,
    verify_files,
)
from matcher.roads.region.meeting_places import PlaceSnapper, StoredPlaces, find_places, snap_places
from matcher.roads.region.speeds import FREE_FLOW_ONLY, SpeedProfile, find_speeds

#: The region that ships with the product.
SAMPLE_NAME = "coquimbo"

PLACES = "places.jsonl"
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")
_SUFFIX = re.compile(r"(?:-latest|-\d{6})?(?:\.osm)?\.(?:pbf|xml|osm|opl|o5m)(?:\.gz|\.bz2)?$")
_VERSIONS = ".versions"


@dataclass(frozen=True, eq=False)
class Region:
    """An opened region. Arrays are read-only memory maps and stay good when the region is replaced."""

    name: str
    folder: Path
    manifest: Manifest
    network: RoadNetwork
    topology: Topology
    walk_network: WalkNetwork
    beside: Path  # the folder of what people added to the region; shared by its versions

    @property
    def fingerprint(self) -> str:
        """Changes exactly when stored road positions stop being good."""
        return self.manifest.fingerprint

    @property
    def places_path(self) -> Path:
        """The rows of the gazetteer (JSON Lines, see `osm/places.py`)."""
        return self.folder / PLACES

    @functools.cached_property
    def stored_places(self) -> StoredPlaces | None:
        """The list of meeting places that was loaded, or None. Raises RegionFileInvalid when it is damaged."""
        return find_places(self.beside)

    @functools.cached_property
    def meeting_places(self) -> tuple[MeetingPlace, ...]:
        """The meeting places that lie on these roads, closed ones included; about 50 µs each, once."""
        stored = self.stored_places
        if stored is None:
            return ()
        snapper = PlaceSnapper(self.network, self.manifest.bbox, stored.road_limit_m)
        return tuple(snap_places(snapper, stored.places)[0])

    @functools.cached_property
    def speed_profile(self) -> SpeedProfile:
        """The speed profile that was loaded, or free flow all week. Raises RegionFileInvalid when it is damaged."""
        return find_speeds(self.beside) or FREE_FLOW_ONLY


class RegionStore:
    """Regions of one data folder. Safe to use from several processes."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "regions"
        self.downloads = data_dir / "downloads"

    def add(
        self,
        path: Path,
        name: str | None = None,
        progress: Progress = no_progress,
        *,
        public_spacing_m: float = DEFAULT_SPACING_M,
        keep_existing: bool = False,
    ) -> Manifest:
        """Import an OpenStreetMap extract as `name` (default: from the file's name) and put it in use, all or nothing.

        Waits while another process imports the same name; with `keep_existing` that one's work is then taken as it is
        when its public points are as far apart. public_spacing_m: 0 for no public points.
        Raises InvalidField for a name that cannot be used, RegionFileInvalid for a file that cannot; the region in use
        stays.
        """
        name = checked_name(name_from_file(path) if name is None else name)
        with self.exclusive(name) as versions:
            if keep_existing:
                try:
                    existing = self.get(name).manifest
                    if existing.public_spacing_m == public_spacing_m:
                        return existing
                except (RegionNotFound, RegionFileInvalid):
                    pass
            self._clear_leftovers(name, versions)
            folder = Path(tempfile.mkdtemp(prefix="v", dir=versions))
            try:
                manifest = _write(folder, path, name, public_spacing_m, progress)
                self._put_in_use(name, folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            return manifest

    def list_names(self) -> list[str]:
        """All names, in order, damaged regions included."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if _NAME.match(path.name))

    def get_manifest(self, name: str) -> Manifest:
        """Raises RegionNotFound, RegionFormatTooNew or RegionFileInvalid. Opens nothing else."""
        return load_manifest(self._current(name), name)

    def get(self, name: str) -> Region:
        """Open a region, every file checked against its checksum.

        Raises RegionNotFound, RegionFormatTooNew, or RegionFileInvalid when something is missing or damaged.
        """
        folder = self._current(name)
        manifest = load_manifest(folder, name)
        verify_files(folder, manifest)
        return Region(
            name=name,
            folder=folder,
            manifest=manifest,
            network=load_arrays(folder, "network", RoadNetwork),
            topology=load_arrays(folder, "topology", Topology),
            walk_network=load_arrays(folder, "walk", WalkNetwork),
            beside=self.beside(name),
        )

    def beside(self, name: str) -> Path:
        """The folder of what people added to a region, and of its tiles; shared by its versions."""
        return self._folder / _VERSIONS / checked_name(name)

    def stamp(self, name: str) -> tuple[object, ...]:
        """What tells one state of a region from another: its version, and what people have added to it. Opens nothing;
        None for what is missing.

        Everything here is replaced by renaming, never written in place, so no two states look alike.
        """
        beside = self.beside(name)
        paths = (self._folder / name / MANIFEST, beside / speed_profiles.FILE, beside / meeting_places.FILE)
        return tuple(_stamp(path) for path in paths)

    def find(self, name: str) -> Region | None:
        """As `get`, but None when there is no region of this name."""
        try:
            return self.get(name)
        except RegionNotFound:
            return None

    def _current(self, name: str) -> Path:
        """The folder of the version in use, with links resolved: a later swap does not move it under a reader."""
        path = self._folder / checked_name(name)
        if path.is_symlink() and not path.exists():
            raise RegionFileInvalid(f"region {name}: its files are gone; add the region again")
        if not path.is_dir():
            known = ", ".join(self.list_names()) or "none"
            raise RegionNotFound(f"there is no region {name} here (known: {known}); `carpool region add` makes one")
        return path.resolve()

    @contextmanager
    def exclusive(self, name: str) -> Iterator[Path]:
        """The folder of all versions of a region, which no other process changes while the block runs."""
        versions = self._folder / _VERSIONS / name
        versions.mkdir(parents=True, exist_ok=True)
        handle = os.open(versions / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield versions
        finally:
            os.close(handle)

    def _clear_leftovers(self, name: str, versions: Path) -> None:
        """Remove what crashes and earlier imports left. Only under the lock."""
        in_use = (self._folder / name).resolve()
        for path in versions.iterdir():
            if path.is_dir() and not path.is_symlink() and path.resolve() != in_use:
                shutil.rmtree(path)

    def _put_in_use(self, name: str, folder: Path) -> None:
        link = self._folder / _VERSIONS / name / "next"
        link.unlink(missing_ok=True)
        link.symlink_to(folder.relative_to(self._folder))
        link.replace(self._folder / name)
        sync(self._folder)


def ensure_sample(
    store: RegionStore, progress: Progress = no_progress, public_spacing_m: float = DEFAULT_SPACING_M
) -> Manifest:
    """The bundled region, imported in a few seconds when it is missing, damaged, of an older format or spaced
    otherwise.
    """
    try:
        existing = store.get(SAMPLE_NAME).manifest
        if existing.public_spacing_m == public_spacing_m:
            return existing
    except RegionFormatTooNew:
        raise
    except (RegionNotFound, RegionFileInvalid):
        pass
    resource = importlib.resources.files("matcher.roads") / "sample" / f"{SAMPLE_NAME}.osm.pbf"
    with importlib.resources.as_file(resource) as path:
        return store.add(path, SAMPLE_NAME, progress, public_spacing_m=public_spacing_m, keep_existing=True)


def sample_zones() -> list[tuple[Coordinate, int]]:
    """The centre of each traffic zone of the bundled region, and how many people live there."""
    resource = importlib.resources.files("matcher.roads") / "sample" / f"{SAMPLE_NAME}_zones.csv"
    rows = csv.DictReader(resource.read_text(encoding="utf-8").splitlines())
    return [(Coordinate(lat=float(row["lat"]), lon=float(row["lon"])), int(row["population"])) for row in rows]


def checked_name(name: str) -> str:
    """The name, if it can be one. Raises InvalidField."""
    if not _NAME.match(name):
        raise InvalidField(
            f"{name!r} cannot name a region: use up to 63 of a-z, 0-9, - and _, beginning with a letter or digit"
        )
    return name


def name_from_file(path: Path) -> str:
    """`Luxembourg-latest.osm.pbf` -> `luxembourg`. May still be no valid name."""
    return re.sub(r"[^a-z0-9_-]+", "-", _SUFFIX.sub("", path.name.lower())).strip("-")


def _write(folder: Path, source: Path, name: str, public_spacing_m: float, progress: Progress) -> Manifest:
    """Everything of a region into an empty folder, the manifest last, synced."""
    if not source.is_file():
        raise RegionFileInvalid(f"{source} is not a file")
    source_sha256 = sha256_of(source, lambda done, total: progress("checking the file", done, total))
    extract = import_extract(source, progress, public_spacing_m)
    progress("ordering the roads")
    topology = Topology.build(extract.network)
    progress("writing the region")
    save_arrays(folder, "network", extract.network)
    save_arrays(folder, "topology", topology)
    save_arrays(folder, "walk", extract.walk_network)
    save_rows(folder / PLACES, extract.places)
    manifest = _describe(folder, extract, name, source.name, source_sha256)
    save_manifest(folder, manifest)
    folder.chmod(0o755)  # mkdtemp is private; the service may run as another user than the import
    sync_tree(folder)
    return manifest


def _describe(folder: Path, extract: ImportedExtract, name: str, source_file: str, source_sha256: str) -> Manifest:
    network, walk_network, dropped = extract.network, extract.walk_network, extract.dropped
    files = inventory(folder)
    # Every edge has a forward arc.
    once = (network.arc_forward == 1) & (network.arc_edge < network.street_count)
    lats, lons = network.point_lat, network.point_lon
    return Manifest(
        name=name,
        format_version=FORMAT_VERSION,
        source_file=source_file,
        source_timestamp=extract.source_timestamp,
        source_sha256=source_sha256,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        nodes=network.node_count - network.stub_count,
        arcs=network.arc_count - 2 * network.stub_count,
        edges=network.street_count,
        road_km=round(float(network.arc_length_cm[once].sum(dtype="int64")) / 1e5, 3),
        walk_nodes=walk_network.node_count,
        walk_edges=walk_network.edge_count,
        walk_km=round(float(walk_network.edge_length_cm.sum(dtype="int64")) / 1e5, 3),
        places=len(extract.places),
        public_points=network.stub_count,
        public_spacing_m=extract.public_spacing_m,
        dropped_nodes=dropped.nodes,
        dropped_arcs=dropped.arcs,
        dropped_km=dropped.km,
        bbox=BoundingBox(float(lats.min()), float(lons.min()), float(lats.max()), float(lons.max())),
        fingerprint=fingerprint_of(files, "network"),
        files=files,
    )


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size
