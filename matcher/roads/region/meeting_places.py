"""Published meeting places of a region: put on its roads, and stored so that a new import keeps them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from matcher.domain.errors.tree import CarpoolError, RegionFileInvalid
from matcher.domain.place import BoundingBox, Coordinate, RoadPosition
from matcher.roads.foot.meeting_place import ROAD_LIMIT_M, MeetingPlace
from matcher.roads.foot.stopping import may_stop
from matcher.roads.network.graph import RoadNetwork
from matcher.roads.network.lines import choose_lines
from matcher.roads.network.snapping import Snapper
from matcher.roads.region.files import replace_file
from matcher.roads.region.places_file import ListedPlace, RowFault

FILE = "meeting_places.json"
_FORMAT = 1
#: How far outside the box of a region's roads a place may lie and still be taken for one of it: what ROAD_LIMIT_M may
#: be at most.
_MARGIN_DEG = 0.02
_WIDEST_LIMIT_M = 1000.0


@dataclass(frozen=True)
class StoredPlaces:
    """The list that was loaded for a region, and its source. Its places were near the roads at that time."""

    source_file: str
    source_sha256: str
    loaded_at: str  # RFC 3339, UTC
    road_limit_m: float
    places: tuple[ListedPlace, ...]


class PlaceSnapper:
    """Puts listed places on the nearest road of a region where a car may stop, not on the motorway beside it."""

    def __init__(self, network: RoadNetwork, box: BoundingBox, limit_m: float = ROAD_LIMIT_M) -> None:
        """limit_m: inclusive, within (0, 1000]."""
        if not 0 < limit_m <= _WIDEST_LIMIT_M:
            raise ValueError("limit_m must be within 0 and 1000 m")
        self._lines = choose_lines(network, may_stop(network))
        self._snapper = Snapper(self._lines)
        self._box = box
        self._limit_m = limit_m

    def snap(self, listed: ListedPlace) -> MeetingPlace | RowFault:
        """The place on the road, or why it cannot be."""
        where = listed.coordinate
        if not self._box.contains(where, _MARGIN_DEG):
            swapped = abs(where.lon) <= 90 and self._box.contains(Coordinate(lat=where.lon, lon=where.lat), _MARGIN_DEG)
            hint = " (Xlong and Ylat look swapped)" if swapped else ""
            reason = f"{where.lat:.4f}, {where.lon:.4f} lies outside the region{hint}"
            return RowFault(listed.line, listed.id, "outside_region", reason)
        found = self._snapper.nearest(where, self._limit_m)
        if found is None:
            reason = f"no road where a car may stop lies within {self._limit_m:.0f} m"
            return RowFault(listed.line, listed.id, "far_from_road", reason)
        edge = int(self._lines.number[found[0].edge])
        position = RoadPosition(edge, found[0].fraction)
        return MeetingPlace(listed.id, listed.name, listed.kind, where, position, listed.open)


def snap_places(snapper: PlaceSnapper, listed: Sequence[ListedPlace]) -> tuple[list[MeetingPlace], list[RowFault]]:
    """(those on the road, those that cannot be), in the order of the list."""
    results = [snapper.snap(place) for place in listed]
    return (
        [result for result in results if isinstance(result, MeetingPlace)],
        [result for result in results if isinstance(result, RowFault)],
    )


def save_places(folder: Path, stored: StoredPlaces) -> None:
    """Write what was loaded, all or nothing, on disk when this returns."""
    content = {"format": _FORMAT, **asdict(stored)}
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    replace_file(folder / FILE, text.encode("utf-8"))


def find_places(folder: Path) -> StoredPlaces | None:
    """What was loaded, or None. Raises RegionFileInvalid when the file is damaged or of another format."""
    path = folder / FILE
    try:
        return _from_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, CarpoolError) as error:
        raise RegionFileInvalid(
            f"the list of meeting places {path} cannot be read ({error}): load it again, or `--clear` it"
        ) from error


def _from_json(text: bytes) -> StoredPlaces:
    content = json.loads(text)
    if content.pop("format") != _FORMAT:
        raise ValueError("written by another version of this software")
    rows = content.pop("places")
    places = tuple(ListedPlace(**{**row, "coordinate": Coordinate(**row["coordinate"])}) for row in rows)
    return StoredPlaces(places=places, **content)
