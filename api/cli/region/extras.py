"""`carpool region meeting-points` and `carpool region speeds`: what people add to a region."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from api.cli.console import StepProgress, make_console
from api.cli.region.store import disk_errors, region_or_served, region_store
from api.cli.support import JsonOption
from matcher.domain.errors.tree import InvalidField

if TYPE_CHECKING:
    from matcher.roads.region.extras import PlacesReport
    from matcher.roads.region.speeds import SpeedProfile
    from matcher.roads.region.store import Region

#: `matcher.roads.foot.meeting_place.ROAD_LIMIT_M`, which loads the engine: help does not wait for that.
_ROAD_LIMIT_M = 300.0
#: Of each reason this many rows are named on a terminal; all of them with --json.
_NAMED_ROWS = 20
_REASONS = {
    "outside_region": "outside the region",
    "far_from_road": "too far from a road",
    "duplicate_id": "id seen before",
    "no_id": "no id",
    "no_name": "no name",
    "no_coordinates": "no coordinates",
    "bad_coordinates": "coordinates not valid",
    "bad_open": "`ouvert` not valid",
    "columns": "wrong number of columns",
    "unreadable": "not readable",
}

RegionOption = Annotated[
    str | None, typer.Option("--region", help="Name of the region; default: the one that is served.")
]


def meeting_points(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE.csv", help="Carpool places in the French national schema.")
    ] = None,
    region: RegionOption = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove the meeting points of the region.")] = False,
    road_limit_m: Annotated[
        float,
        typer.Option("--max-road-distance", min=1, max=1000, help="Maximum distance to the nearest road, in metres."),
    ] = _ROAD_LIMIT_M,
    as_json: JsonOption = False,
) -> None:
    """Replace the meeting places of a region with those of a list; unusable rows are reported and skipped."""
    from matcher.roads.region.extras import clear_meeting_places, load_meeting_places

    store, name = region_store(), region_or_served(region)
    with disk_errors():
        if clear:
            _refuse_both(file)
            had = clear_meeting_places(store, name)
            typer.echo(f"Region {name} has no meeting places {'any more' if had else 'and had none'}.")
            return
        path = _needed(file)
        with StepProgress(make_console(sys.stderr)) as progress:
            progress("putting meeting places on the road")
            report = load_meeting_places(store, name, path, road_limit_m=road_limit_m)
    if as_json:
        typer.echo(json.dumps(_report_json(report, name, path), indent=2, ensure_ascii=False))
    else:
        _print_report(report, name)


def speeds(
    file: Annotated[Path | None, typer.Argument(metavar="FILE.csv", help="Factors by class of road and hour.")] = None,
    region: RegionOption = None,
    default: Annotated[bool, typer.Option("--default", help="Use the profile that ships with the product.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Go back to free flow at every hour.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Set how much longer drives take at certain hours; a running service takes it up within seconds.

    Each trip is driven at the speeds of the hour it departs in.
    """
    from matcher.roads.region.extras import clear_speeds, load_default_speeds, load_speeds
    from matcher.roads.region.speeds import FREE_FLOW_ONLY

    store, name = region_store(), region_or_served(region)
    with disk_errors():
        if clear or default:
            _refuse_both(file)
            if clear and default:
                raise InvalidField("--default or --clear, not both")
        if clear:
            clear_speeds(store, name)
            profile = FREE_FLOW_ONLY
        elif default:
            profile = load_default_speeds(store, name)
        else:
            profile = load_speeds(store, name, _needed(file))
    if as_json:
        typer.echo(json.dumps(speeds_json(profile), indent=2))
        return
    table = Table("slot", "hours", title=f"Speeds of region {name}: {profile.source}", title_justify="left")
    for slot in profile.slots:
        table.add_row(slot.name, "\n".join(_hours(profile, slot.name)))
    make_console().print(table)


def extras_json(region: Region) -> dict[str, Any]:
    """What was added to a region, for `region show --json`."""
    stored, places = region.stored_places, region.meeting_places
    added = stored and {
        "count": len(places),
        "open": sum(place.open for place in places),
        "off_road": len(stored.places) - len(places),
        "source_file": stored.source_file,
        "loaded_at": stored.loaded_at,
    }
    return {"meeting_places": added, "speeds": speeds_json(region.speed_profile)}


def extras_rows(region: Region) -> list[tuple[str, str]]:
    """What was added to a region, as (label, value), for `region show`."""
    told, extras = "none", extras_json(region)
    if added := extras["meeting_places"]:
        lost = f", {added['off_road']} more not on these roads" if added["off_road"] else ""
        told = f"{added['count']:,} ({added['open']:,} open) from {added['source_file']}{lost}"
    slots = ", ".join(slot["name"] for slot in extras["speeds"]["slots"])
    return [("meeting places", told), ("speeds", f"{extras['speeds']['source']}: {slots}")]


def speeds_json(profile: SpeedProfile) -> dict[str, Any]:
    """A profile and its hours."""
    slots = [{"name": slot.name, "hours": _hours(profile, slot.name)} for slot in profile.slots]
    return {"source": profile.source, "slots": slots}


def _needed(file: Path | None) -> Path:
    if file is None:
        raise InvalidField("name a file to load, or --clear what was loaded")
    return file


def _refuse_both(file: Path | None) -> None:
    if file is not None:
        raise InvalidField("name a file or an option: --clear and --default take no file")


def _report_json(report: PlacesReport, name: str, path: Path) -> dict[str, Any]:
    return {
        "region": name,
        "file": path.name,
        "kept": len(report.kept),
        "open": sum(place.open for place in report.kept),
        "skipped": [dataclasses.asdict(fault) for fault in report.skipped],
        "warnings": list(report.warnings),
    }


def _print_report(report: PlacesReport, name: str) -> None:
    notices = make_console(sys.stderr)
    for warning in report.warnings:
        notices.print(f"carpool: {warning}", markup=False, style="yellow")
    told: Counter[str] = Counter()
    for fault in report.skipped:
        told[fault.code] += 1
        if told[fault.code] <= _NAMED_ROWS:
            notices.print(f"line {fault.line}: {fault.reason}", markup=False, soft_wrap=True)
    opened = sum(place.open for place in report.kept)
    table = Table(title=f"Meeting places of region {name}", show_header=False, title_justify="left")
    table.add_row("open", f"{opened:,}")
    table.add_row("closed, kept and not offered", f"{len(report.kept) - opened:,}")
    for code, count in sorted(told.items()):
        more = f" (the first {_NAMED_ROWS} are named above; --json names all)" if count > _NAMED_ROWS else ""
        table.add_row(f"skipped: {_REASONS[code]}", f"{count:,}{more}")
    make_console().print(table)


def _hours(profile: SpeedProfile, slot: str) -> list[str]:
    """When a slot is, like `mon-fri 07-09, 16-19`."""
    from matcher.roads.region.speeds import DAYS

    number = [each.name for each in profile.slots].index(slot)
    by_day = []
    for day in range(7):
        within = [profile.slot_of_hour[24 * day + hour] == number for hour in range(24)]
        starts = [h for h in range(24) if within[h] and (h == 0 or not within[h - 1])]
        ends = [h + 1 for h in range(24) if within[h] and (h == 23 or not within[h + 1])]
        by_day.append(", ".join(f"{start:02}-{end:02}" for start, end in zip(starts, ends, strict=True)))
    lines = []
    for hours, group in itertools.groupby(range(7), key=lambda day: by_day[day]):
        days = list(group)
        if hours:
            name = DAYS[days[0]] if len(days) == 1 else f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
            lines.append(f"{name} {hours}")
    return lines
