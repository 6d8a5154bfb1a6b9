"""Files of a region: arrays as .npy files, the manifest, and writes that are on disk when they return."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from matcher.domain.errors.tree import RegionFileInvalid, RegionFormatTooNew
from matcher.domain.place import BoundingBox

#: Raise it with any change to the meaning of a region's files. Regions of another version are not opened.
#: 2: the walk network. 3: public points.
FORMAT_VERSION = 3

#: Raise it with any change to the meaning of the road network's arrays: stored road positions are then put on the roads
#: anew.
NETWORK_VERSION = 1

MANIFEST = "manifest.json"
#: The end of the name of a file that is being written.
PARTIAL = ".part"
_CHUNK = 1 << 20

Record = TypeVar("Record")


@dataclass(frozen=True)
class FileEntry:
    """A file as it was written."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a region is and where it came from."""

    name: str
    format_version: int
    source_file: str  # file name, without its folder
    source_timestamp: str | None  # age of the data, RFC 3339, where the source tells it
    source_sha256: str
    created_at: str  # RFC 3339, UTC
    nodes: int
    arcs: int
    edges: int
    road_km: float  # street pieces, each counted once whatever its directions
    walk_nodes: int  # of the walk network
    walk_edges: int
    walk_km: float  # each way to walk counted once, steps at their walked length
    places: int  # rows of the gazetteer
    public_points: int
    public_spacing_m: float  # least distance between two of them; 0: doors stand for themselves
    dropped_nodes: int  # outside the largest strongly connected part, counted before folding
    dropped_arcs: int
    dropped_km: float
    bbox: BoundingBox  # the smallest one around all roads
    fingerprint: str  # of the network's arrays: stored road positions are good as long as it stays the same
    files: Mapping[str, FileEntry]


def save_arrays(folder: Path, prefix: str, record: Any) -> None:
    """Write every field of a dataclass of arrays as `<prefix>_<field>.npy`. Not yet synced: see `sync_tree`."""
    for field in dataclasses.fields(record):
        np.save(folder / f"{prefix}_{field.name}.npy", np.ascontiguousarray(getattr(record, field.name)))


def load_arrays(folder: Path, prefix: str, kind: type[Record]) -> Record:
    """The dataclass that `save_arrays` wrote; its arrays are read-only views of memory-mapped files."""
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]  # a TypeVar cannot say "a dataclass"
    return kind(**{field.name: _map(folder / f"{prefix}_{field.name}.npy") for field in fields})


def _map(path: Path) -> np.ndarray[Any, Any]:
    try:
        # asarray: a plain view of the map, because slicing np.memmap objects is slow.
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise RegionFileInvalid(f"the region's file {path.name} cannot be opened: {error}") from error


def save_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON Lines, UTF-8."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def sha256_of(path: Path, report: Callable[[int, int], None] | None = None) -> str:
    """The SHA-256 of a file, in hexadecimal. `report` is told bytes done and bytes in all."""
    digest, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if report is not None:
                report(done, total)
    return digest.hexdigest()


def inventory(folder: Path) -> dict[str, FileEntry]:
    """Every file of a folder but the manifest, by name, in order."""
    files = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    return {path.name: FileEntry(path.stat().st_size, sha256_of(path)) for path in files}


def fingerprint_of(files: Mapping[str, FileEntry], prefix: str) -> str:
    """One hash over the contents of the arrays under `prefix` and the version of their meaning."""
    digest = hashlib.sha256(f"format {NETWORK_VERSION}\n".encode())
    for name in sorted(files):
        if name.startswith(f"{prefix}_"):
            digest.update(f"{name} {files[name].sha256}\n".encode())
    return digest.hexdigest()


def save_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest."""
    text = json.dumps(dataclasses.asdict(manifest), indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def load_manifest(folder: Path, name: str) -> Manifest:
    """The manifest of a region. Raises RegionFormatTooNew, or RegionFileInvalid when missing, damaged, or older."""
    where = f"region {name}"
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
        version = int(content["format_version"])
        if version > FORMAT_VERSION:
            raise RegionFormatTooNew(
                f"{where} has format {version}, and this version reads format {FORMAT_VERSION}: "
                "use a newer version, or add the region again"
            )
        if version < FORMAT_VERSION:
            raise RegionFileInvalid(
                f"{where} has format {version}, older than {FORMAT_VERSION}: "
                "run `carpool region add` with its extract again"
            )
        content["bbox"] = BoundingBox(**content["bbox"])
        content["files"] = {name: FileEntry(**entry) for name, entry in content["files"].items()}
        return Manifest(**content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RegionFileInvalid(f"{where}: its {MANIFEST} is missing or damaged ({error})") from error


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Compare sizes and checksums. Raises RegionFileInvalid that names the first file that differs."""
    for name, entry in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != entry.size or sha256_of(path) != entry.sha256:
            raise RegionFileInvalid(
                f"region {manifest.name}: its file {name} is missing or damaged; add the region again"
            )


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in place, all or nothing, readable by everybody; on disk when this returns. One writer at a time."""
    partial = path.with_name(f"{path.name}{PARTIAL}")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.chmod(0o644)
    partial.replace(path)
    sync(path.parent)


def remove_file(path: Path) -> bool:
    """Remove a file for good; False when there was none."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    sync(path.parent)
    return True


def sync_tree(folder: Path) -> None:
    """Return when every file of a folder, and the folder itself, is on disk."""
    for path in [*sorted(folder.iterdir()), folder, folder.parent]:
        sync(path)


def sync(path: Path) -> None:
    """Return when a file, or the entries of a folder, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
