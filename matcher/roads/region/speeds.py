"""Speeds by the time of day: factors on the free-flow drive time by class of road and hour, and the few metrics that
follow.

The hours of a week are put into *slots*: hours with the same factors for every class share one, and a region carries
one metric for each. A trip is driven in the metric of the slot it departs in, all the way. That is an approximation
with a known flaw: leaving a minute before a slot ends can arrive later than leaving a minute after (arrivals are first
in, first out within a slot, not across its border), and a long trip does not notice that the peak it left in is over.
Public holidays are not known.
"""

from __future__ import annotations

import csv
import functools
import importlib.resources
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from matcher.domain.errors.tree import Fault, RegionFileInvalid
from matcher.roads.network.graph import I64, ROAD_CLASSES, STREET_CLASSES, STUB_CLASS, RoadNetwork

FREE_FLOW = "free_flow"
#: Every slot is a metric of 8 bytes a hierarchy arc and some milliseconds to half a second of customisation.
MAX_SLOTS = 8
SLOWEST, FASTEST = 10.0, 0.5

FILE = "speeds.csv"
COLUMNS = ("class", "hour_from", "hour_to", "days", "factor")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ANY_CLASS = "*"
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,4})?")
_LONGEST_MS = np.iinfo(np.int32).max
_SHOWN_FAULTS = 20

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Slot:
    """Hours of the week that are driven alike."""

    name: str
    factors: tuple[float, ...]  # by class code: by what the free-flow time is multiplied


@dataclass(frozen=True)
class SpeedProfile:
    """Which slot each hour of the week belongs to."""

    source: str  # the file it was read from
    slots: tuple[Slot, ...]
    slot_of_hour: tuple[int, ...]  # (168,) index into slots, from Monday midnight

    def slot_of(self, local: time, weekday: int) -> str:
        """The slot of a departure at this local time; weekday 0 is Monday, as in datetime.weekday()."""
        return self.slots[self.slot_of_hour[weekday * 24 + local.hour]].name


#: Every hour as fast as with free traffic: what a region is driven by until somebody gives it a profile.
FREE_FLOW_ONLY = SpeedProfile("free flow", (Slot(FREE_FLOW, (1.0,) * len(ROAD_CLASSES)),), (0,) * 7 * 24)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    class_code: int | None  # None: every class
    hours: range
    days: frozenset[int]
    factor: float


def metrics_for(network: RoadNetwork, profile: SpeedProfile) -> dict[str, I64]:
    """For each slot the packed cost of every arc, (m,) int64: the free-flow time by its factor, and the length.

    Times are rounded to the millisecond; an arc that takes none takes none in any slot.
    """
    length = network.arc_length_cm.astype(np.int64)
    road_class = network.edge_class[network.arc_edge]
    metrics = {}
    for slot in profile.slots:
        factor = np.array(slot.factors)[road_class]
        time_ms = np.minimum(np.rint(network.arc_time_ms * factor), _LONGEST_MS).astype(np.int64)
        metrics[slot.name] = (time_ms << 32) | length
    return metrics


@functools.cache
def default_profile() -> SpeedProfile:
    """The profile that ships with the product; its numbers are an assumption (see the file)."""
    return parse_speeds(default_speeds().decode("utf-8"), "default")


def default_speeds() -> bytes:
    """The file that it is read from."""
    return (importlib.resources.files("matcher.roads") / "speeds" / "default.csv").read_bytes()


def read_speeds(path: Path) -> tuple[SpeedProfile, bytes]:
    """(profile, the file as it is). Raises RegionFileInvalid with every fault and its line."""
    try:
        content = path.read_bytes()
        return parse_speeds(content.decode("utf-8-sig"), path.name), content
    except OSError as error:
        raise RegionFileInvalid(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RegionFileInvalid(f"{path.name} is not UTF-8 text") from error


def find_speeds(folder: Path) -> SpeedProfile | None:
    """The profile that was kept in a folder, or None. Raises RegionFileInvalid when it is damaged."""
    path = folder / FILE
    return read_speeds(path)[0] if path.is_file() else None


def parse_speeds(text: str, source: str) -> SpeedProfile:
    """The profile of a CSV text; lines that begin with # are comments.

    Raises RegionFileInvalid with every fault: a profile with a row left out would say something else.
    """
    faults: list[tuple[int, str]] = []
    rows: list[_Row] = []
    header = None
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip() or content.lstrip().startswith("#"):
            continue
        cells = [cell.strip() for cell in next(csv.reader([content]), [])]
        if header is None:
            header = [cell.lower() for cell in cells]
            if tuple(header) != COLUMNS:
                raise _invalid(source, [(line, f"the columns must be {','.join(COLUMNS)}")])
            continue
        try:
            rows.append(_row(line, cells))
        except ValueError as error:
            faults.append((line, str(error)))
    if header is None:
        raise _invalid(source, [(1, f"the columns must be {','.join(COLUMNS)}")])
    table = _table(rows, faults)
    if faults:
        raise _invalid(source, sorted(faults))
    return _slots(table, source)


def _row(line: int, cells: Sequence[str]) -> _Row:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"has {len(cells)} columns and not {len(COLUMNS)}")
    name, hour_from, hour_to, days, factor = cells
    if name != ANY_CLASS and name not in STREET_CLASSES:
        raise ValueError(f"{name!r} is no class of road; known: {', '.join(STREET_CLASSES)} and {ANY_CLASS}")
    if not (hour_from.isdecimal() and hour_to.isdecimal() and 0 <= int(hour_from) < int(hour_to) <= 24):
        raise ValueError("hours must be whole, 0 to 24, and hour_from before hour_to: write two rows across midnight")
    if not _NUMBER.fullmatch(factor) or not FASTEST <= float(factor) <= SLOWEST:
        raise ValueError(f"factor must be a number from {FASTEST} to {SLOWEST}, not {factor!r}")
    code = None if name == ANY_CLASS else ROAD_CLASSES.index(name)
    return _Row(line, code, range(int(hour_from), int(hour_to)), _days(days), float(factor))


def _days(text: str) -> frozenset[int]:
    """`mon-fri`, `sat+sun`, `fri-mon`, `all`."""
    if text.lower() == "all":
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.lower().split("+"):
        begin, dash, end = (piece.strip() for piece in part.partition("-"))
        if begin not in DAYS or (dash and end not in DAYS):
            raise ValueError(f"days must be like mon-fri, sat+sun or all, not {text!r}")
        first = DAYS.index(begin)
        last = DAYS.index(end) if dash else first
        found.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    return frozenset(found)


def _table(rows: Sequence[_Row], faults: list[tuple[int, str]]) -> F64:
    """(168, classes) factors. Two rows for the same class and hour are a fault of the later one."""
    table = np.ones((7 * 24, len(ROAD_CLASSES)))
    taken: dict[tuple[int, int | None], int] = {}
    constant = (ROAD_CLASSES.index("ferry"), STUB_CLASS)
    # Rows for every class first, so that rows of one class are written over them.
    for row in sorted(rows, key=lambda row: row.class_code is not None):
        hours = [day * 24 + hour for day in sorted(row.days) for hour in row.hours]
        clash = next((taken[hour, row.class_code] for hour in hours if (hour, row.class_code) in taken), None)
        if clash is not None:
            faults.append((row.line, f"line {clash} has the same class and hours"))
            continue
        taken.update({(hour, row.class_code): row.line for hour in hours})
        if row.class_code is None:
            table[np.ix_(hours, [code for code in range(len(ROAD_CLASSES)) if code not in constant])] = row.factor
        else:
            table[hours, row.class_code] = row.factor
    return table


def _slots(table: F64, source: str) -> SpeedProfile:
    """Hours with equal factors, in the order in which they first come in a week."""
    numbers: dict[tuple[float, ...], int] = {}
    slot_of_hour = tuple(numbers.setdefault(tuple(factors), len(numbers)) for factors in table.tolist())
    if len(numbers) > MAX_SLOTS:
        raise RegionFileInvalid(
            f"{source}: the hours of a week fall into {len(numbers)} different slots; "
            f"a region carries at most {MAX_SLOTS}"
        )
    slots: list[Slot] = []
    for factors, number in numbers.items():
        first = slot_of_hour.index(number)
        name = FREE_FLOW if set(factors) == {1.0} else _part_of_day(first % 24)
        alike = sum(slot.name.rstrip("_0123456789") == name for slot in slots)
        slots.append(Slot(name if not alike else f"{name}_{alike + 1}", factors))
    return SpeedProfile(source, tuple(slots), slot_of_hour)


def _part_of_day(hour: int) -> str:
    """The name of a slot that first comes at this hour."""
    for until, name in ((5, "night"), (10, "morning_peak"), (15, "midday"), (21, "evening_peak")):
        if hour < until:
            return name
    return "late_evening"


def _invalid(source: str, faults: Sequence[tuple[int, str]]) -> RegionFileInvalid:
    shown = [f"line {line}: {reason}" for line, reason in faults[:_SHOWN_FAULTS]]
    if len(faults) > _SHOWN_FAULTS:
        shown.append(f"and {len(faults) - _SHOWN_FAULTS} more")
    detail = f"{source} is not a valid speed profile:\n  " + "\n  ".join(shown)
    return RegionFileInvalid(detail, faults=[Fault(f"/{line}", reason) for line, reason in faults])
