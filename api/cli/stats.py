"""`carpool stats`: how well riders are matched, as a table and sparklines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.cli.console import make_console
from api.cli.support import run_on, settings
from matcher.domain.clock import later
from matcher.statistics.model import COUNTS, LOST, MEASURES, BucketSize, Quantiles
from matcher.wall_clock import utc_now

_BARS = "·▁▂▃▄▅▆▇█"
#: The most sparkline columns; more buckets are shown several to a column.
_COLUMNS = 100
_DEFAULT_DAYS = {BucketSize.HOUR: 1, BucketSize.DAY: 7}


def parse_moment(text: str) -> datetime:
    """A date (its first moment, in a zone to be said) or a time of RFC 3339. Raises typer.BadParameter."""
    try:
        if len(text) == len("2026-12-01"):
            return datetime.combine(date.fromisoformat(text), time())
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a date like 2026-12-01, or a time like 2026-12-01T07:00:00-03:00") from None
    if moment.tzinfo is None:
        raise typer.BadParameter("a time needs an offset, like 2026-12-01T07:00:00-03:00")
    return moment


def _parse_zone(name: str) -> tzinfo:
    from api.schemas.stats import known_zone, zone_named

    try:
        return zone_named(known_zone(name))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def stats(
    from_: Annotated[
        datetime | None,
        typer.Option("--from", parser=parse_moment, metavar="DATE|TIME", help="Start, inclusive."),
    ] = None,
    to: Annotated[
        datetime | None,
        typer.Option(parser=parse_moment, metavar="DATE|TIME", help="End, exclusive; default: now."),
    ] = None,
    bucket: Annotated[BucketSize, typer.Option(help="Bucket of the time series.")] = BucketSize.DAY,
    tz: Annotated[str, typer.Option(metavar="ZONE", help="Time zone of the buckets, an IANA name.")] = "UTC",
    region: Annotated[str | None, typer.Option(help="Region; default: CARPOOL_REGION.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as GET /v1/stats/matches answers.")] = False,
) -> None:
    """Print match statistics from the database: the same numbers as GET /v1/stats/matches."""
    from api.handlers.stats_tables import match_json
    from matcher.wiring.commands import statistics_reading

    chosen, zone = settings(), _parse_zone(tz)
    begin, end = _range(from_, to, bucket, zone, utc_now())
    found = run_on(chosen, statistics_reading, lambda read: read.matches(begin, end, bucket, zone, region))
    document = match_json(found, bucket.value, tz, zone)
    if as_json:
        typer.echo(document)
    else:
        _print(json.loads(document), make_console())


def _range(
    from_: datetime | None, to: datetime | None, bucket: BucketSize, zone: tzinfo, present: datetime
) -> tuple[datetime, datetime]:
    hour = present.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = hour + timedelta(hours=1) if to is None else _in_zone(to, zone)
    begin = later(end, -timedelta(days=_DEFAULT_DAYS[bucket])) if from_ is None else _in_zone(from_, zone)
    return begin, end


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def sparkline(values: Sequence[float | None]) -> str:
    """One character a value, or for several of them their mean; None is a gap, and the largest is a full block."""
    step = -(-len(values) // _COLUMNS) or 1
    means: list[float | None] = []
    for at in range(0, len(values), step):
        there = [value for value in values[at : at + step] if value is not None]
        means.append(sum(there) / len(there) if there else None)
    top = max((mean for mean in means if mean), default=1.0)
    # Whatever is more than nothing shows.
    return "".join(" " if mean is None else _BARS[max(int(mean > 0), round(mean / top * 8))] for mean in means)


def _print(members: dict[str, Any], console: Console) -> None:
    totals, series = members["totals"], members["series"]
    console.print(
        f"{members['region']}: {members['from']} to {members['to']}, "
        f"{len(series):,} by {members['bucket']}, {members['tz']}"
    )
    table = Table("what", "total", "by " + members["bucket"])
    table.columns[1].justify = "right"
    labels = [(one.name, one.label) for one in (*COUNTS, LOST) if one.label]
    labels.insert(2, ("match_rate", "match rate"))
    for name, label in labels:
        table.add_row(label, _shown(totals.get(name)), sparkline([bucket.get(name) for bucket in series]))
    for one in MEASURES:
        for part in Quantiles._fields:
            values = [bucket.get(one.member, {}).get(part) for bucket in series]
            total = totals.get(one.member, {}).get(part)
            table.add_row(f"{one.label} {part}", _shown(total), sparkline(values))
    console.print(table)
    if totals["turned_away"]:
        reasons = Table("offers turned away", "total", "share", "by " + members["bucket"])
        reasons.columns[1].justify = reasons.columns[2].justify = "right"
        for reason, offers in sorted(totals["turned_away"].items(), key=lambda item: -item[1]):
            values = [bucket["turned_away"].get(reason, 0) for bucket in series]
            reasons.add_row(reason, f"{offers:,}", f"{offers / totals['considered']:.1%}", sparkline(values))
        console.print(reasons)


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
