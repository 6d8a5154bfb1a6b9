"""The meeting places and the speed profile that operators add to a region. A new import keeps both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from matcher.domain.errors.tree import RegionFileInvalid
from matcher.roads.foot.meeting_place import ROAD_LIMIT_M, MeetingPlace
from matcher.roads.region import meeting_places
from matcher.roads.region import speeds as speed_profiles
from matcher.roads.region.files import remove_file, replace_file, sha256_of
from matcher.roads.region.meeting_places import PlaceSnapper, StoredPlaces, save_places, snap_places
from matcher.roads.region.places_file import RowFault, read_places_file
from matcher.roads.region.speeds import SpeedProfile, default_profile, default_speeds, read_speeds
from matcher.roads.region.store import RegionStore


@dataclass(frozen=True)
class PlacesReport:
    """The outcome of loading a list of meeting places: every row is in one of them."""

    kept: Sequence[MeetingPlace]
    skipped: Sequence[RowFault]  # by line
    warnings: Sequence[str]


def load_meeting_places(
    store: RegionStore, name: str, path: Path, *, road_limit_m: float = ROAD_LIMIT_M
) -> PlacesReport:
    """Take the places of a list that lie in a region, instead of those it had; bad rows are reported and skipped.

    Raises RegionNotFound, and RegionFileInvalid when the file is no such list or no row of it can be used; the places
    in use stay.
    """
    found = read_places_file(path)
    region = store.get(name)
    snapper = PlaceSnapper(region.network, region.manifest.bbox, road_limit_m)
    kept, off_road = snap_places(snapper, found.places)
    skipped = sorted([*found.faults, *off_road], key=lambda fault: fault.line)
    report = PlacesReport(kept, skipped, found.warnings)
    if not kept:
        raise RegionFileInvalid(f"{path.name} holds no place that can be used in {name}{_examples(skipped)}")
    on_road = {place.id for place in kept}
    stored = StoredPlaces(
        source_file=path.name,
        source_sha256=sha256_of(path),
        loaded_at=datetime.now(UTC).isoformat(timespec="seconds"),
        road_limit_m=road_limit_m,
        places=tuple(place for place in found.places if place.id in on_road),
    )
    with store.exclusive(name) as folder:
        save_places(folder, stored)
    return report


def clear_meeting_places(store: RegionStore, name: str) -> bool:
    """Forget the meeting places of a region; False when it had none. Raises RegionNotFound."""
    return _clear(store, name, meeting_places.FILE)


def load_speeds(store: RegionStore, name: str, path: Path) -> SpeedProfile:
    """Use a speed profile in a region. Raises RegionNotFound, or RegionFileInvalid with every fault of the file."""
    profile, content = read_speeds(path)
    _use_speeds(store, name, content)
    return profile


def load_default_speeds(store: RegionStore, name: str) -> SpeedProfile:
    """Use the profile that ships with the product. Raises RegionNotFound."""
    _use_speeds(store, name, default_speeds())
    return default_profile()


def clear_speeds(store: RegionStore, name: str) -> bool:
    """Go back to free flow at every hour; False when that was in use already. Raises RegionNotFound."""
    return _clear(store, name, speed_profiles.FILE)


def _use_speeds(store: RegionStore, name: str, content: bytes) -> None:
    store.get_manifest(name)
    with store.exclusive(name) as folder:
        replace_file(folder / speed_profiles.FILE, content)


def _clear(store: RegionStore, name: str, file: str) -> bool:
    store.get_manifest(name)
    with store.exclusive(name) as folder:
        return remove_file(folder / file)


def _examples(skipped: Sequence[RowFault]) -> str:
    if not skipped:
        return ": it has no rows"
    lines = [f"line {fault.line}: {fault.reason}" for fault in skipped[:3]]
    more = f"\n  and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return ":\n  " + "\n  ".join(lines) + more
