"""Reading lists of carpool places: CSV in the French national schema (`schema-lieux-covoiturage` of Etalab, version 0.2
and later).

Columns: id_lieu, nom_lieu, type, Xlong, Ylat, ouvert and others that are not used here, in any order, upper or lower
case. Needed: nom_lieu, Xlong, Ylat and one of id_lieu and id_local (which stands in where id_lieu is empty). Separated
by commas or semicolons; UTF-8, with or without a byte order mark. Published files take liberties, so these are taken
too: Latin-1 text (with a warning), a comma as the decimal separator, VRAI and FAUX, an empty `ouvert` (open).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from matcher.domain.errors.tree import InvalidCoordinate, RegionFileInvalid
from matcher.domain.place import Coordinate

_NEEDED = ("nom_lieu", "xlong", "ylat")
_NUMBER = re.compile(r"[+-]?\d{1,3}(?:[.,]\d+)?")
_OPEN = frozenset({"", "true", "vrai", "1", "oui", "yes", "t", "o"})
_SHUT = frozenset({"false", "faux", "0", "non", "no", "f", "n"})
_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class ListedPlace:
    """A row of the list that can be used, not yet on the road. `line` counts from 1, the header."""

    line: int
    id: str
    name: str
    kind: str
    coordinate: Coordinate
    open: bool


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that was left out: the line it begins on, its id if it has one, a stable code, and the reason."""

    line: int
    place_id: str | None
    code: str
    reason: str


@dataclass
class PlacesList:
    """What one file holds."""

    places: list[ListedPlace] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class _Unusable(Exception):
    """Why a row is left out; never leaves this file."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def read_places_file(path: Path) -> PlacesList:
    """Every row of a file, valid or not. Raises RegionFileInvalid when the file is not such a list."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RegionFileInvalid(f"{path} cannot be read: {error.strerror}") from error
    warnings = []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = content.decode("latin-1")
        number = content.count(b"\n", 0, error.start) + 1
        warnings.append(f"line {number} is not UTF-8: the file was read as Latin-1, so accents may be wrong")
    found = parse_places(text, path.name)
    found.warnings[:0] = warnings
    return found


def parse_places(text: str, file: str) -> PlacesList:
    """The rows of a list. Raises RegionFileInvalid when its first line lacks a column that is needed.

    A quote that is never closed spoils the row it stands in and no other: reading goes on at the line below.
    """
    lines = list(io.StringIO(text, newline=""))
    separator, header = _header(lines[0] if lines else "", file)
    found = PlacesList()
    line_of: dict[str, int] = {}
    line = 2
    while line <= len(lines):
        reader = csv.reader((lines[k] for k in range(line - 1, len(lines))), delimiter=separator, strict=True)
        place_id: str | None = None
        height = 1
        try:
            cells = next(reader)
            if any(cell.strip() for cell in cells):
                row = _row(header, cells)
                height = reader.line_num
                place_id = _text(row, "id_lieu") or _text(row, "id_local") or None
                found.places.append(_place(row, place_id, line, line_of))
        except csv.Error as error:
            found.faults.append(RowFault(line, None, "unreadable", f"cannot be read: {error}"))
        except _Unusable as fault:
            found.faults.append(RowFault(line, place_id, fault.code, fault.reason))
        line += height
    return found


def _header(line: str, file: str) -> tuple[str, list[str]]:
    """(separator, column names in lower case): the separator with which more columns are known."""
    best: tuple[str, list[str]] = (",", [])
    for separator in (",", ";"):
        try:
            names = [name.strip().lower() for name in next(csv.reader([line], delimiter=separator), [])]
        except csv.Error:
            continue
        if sum(name in names for name in _NEEDED) > sum(name in best[1] for name in _NEEDED):
            best = separator, names
    missing = [name for name in _NEEDED if name not in best[1]]
    if not {"id_lieu", "id_local"} & set(best[1]):
        missing.append("id_lieu")
    if missing:
        raise RegionFileInvalid(
            f"{file} is not a list of carpool places: its first line has no column {', '.join(missing)}"
        )
    twice = sorted({name for name in best[1] if name and best[1].count(name) > 1})
    if twice:
        raise RegionFileInvalid(f"{file} has the column {twice[0]} twice")
    return best


def _row(header: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
        raise _Unusable(
            "columns", f"has {len(cells)} columns and not {len(header)}: text with the separator in it needs quotes"
        )
    return dict(zip(header, cells, strict=False))


def _place(row: Mapping[str, str], place_id: str | None, line: int, line_of: dict[str, int]) -> ListedPlace:
    """The place of a row. line_of: the line of every id so far, to which this one is added."""
    if place_id is None:
        raise _Unusable("no_id", "id_lieu is empty")
    name = _text(row, "nom_lieu") or _text(row, "ad_lieu")
    if not name:
        raise _Unusable("no_name", "nom_lieu is empty")
    opened = _text(row, "ouvert").lower()
    if opened not in _OPEN | _SHUT:
        raise _Unusable("bad_open", f"ouvert is {opened!r}, neither true nor false")
    try:
        coordinate = Coordinate(lat=_number(row, "ylat", "Ylat"), lon=_number(row, "xlong", "Xlong"))
    except InvalidCoordinate as error:
        raise _Unusable("bad_coordinates", error.detail) from error
    if line_of.setdefault(place_id, line) != line:
        raise _Unusable("duplicate_id", f"{place_id} stands in line {line_of[place_id]} already")
    return ListedPlace(line, place_id, name, _text(row, "type"), coordinate, opened in _OPEN)


def _number(row: Mapping[str, str], key: str, title: str) -> float:
    text = row[key].strip()
    if not text:
        raise _Unusable("no_coordinates", f"{title} is empty")
    if not _NUMBER.fullmatch(text):
        raise _Unusable("bad_coordinates", f"{title} is {text[:40]!r}, not a number of degrees")
    return float(text.replace(",", "."))


def _text(row: Mapping[str, str], key: str) -> str:
    """A cell on one line, without control characters, cut where nobody reads on."""
    printable = "".join(c if c.isprintable() else " " for c in row.get(key, ""))
    return " ".join(printable.split())[:_LONGEST_TEXT].rstrip()
