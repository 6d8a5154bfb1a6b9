"""Statistics as members of JSON objects, and the same as rows of CSV (RFC 4180).

A year of hours is nine thousand objects: they are made as plain dictionaries, which the models of api/schemas/stats.py describe; a test
holds the two together.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from typing import Any

from matcher.domain.statistics import Demand, MatchNumbers, MatchStatistics, Quantiles, SupplyNumbers, SupplyStatistics

Members = dict[str, Any]


def match_members(found: MatchStatistics, bucket: str, tz: str, zone: tzinfo) -> Members:
    """MatchStatsOut."""
    moments = _moments(found.edges, zone)
    return {
        "region": found.region,
        "from": moments[0],
        "to": moments[-1],
        "bucket": bucket,
        "tz": tz,
        "totals": _match(found.totals),
        "series": [
            {"from": begin, "to": end, **_match(numbers)}
            for begin, end, numbers in zip(moments, moments[1:], found.series, strict=False)
        ],
    }


def supply_members(found: SupplyStatistics, bucket: str, tz: str, zone: tzinfo) -> Members:
    """SupplyStatsOut."""
    moments = _moments(found.edges, zone)
    return {
        "region": found.region,
        "from": moments[0],
        "to": moments[-1],
        "bucket": bucket,
        "tz": tz,
        "totals": _supply(found.totals),
        "series": [
            {"from": begin, "to": end, **_supply(numbers)}
            for begin, end, numbers in zip(moments, moments[1:], found.series, strict=False)
        ],
        "by_hour": [{"hour": hour, **_supply(numbers)} for hour, numbers in enumerate(found.by_hour)],
    }


def demand_members(found: Demand) -> Members:
    """DemandOut."""
    features = []
    for shown in found.cells:
        low, high = shown.cell.corners
        corners = [
            (low.lon, low.lat),
            (high.lon, low.lat),
            (high.lon, high.lat),
            (low.lon, high.lat),
            (low.lon, low.lat),
        ]
        features.append(
            {
                "type": "Feature",
                "id": shown.cell.name,
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[(round(lon, 6), round(lat, 6)) for lon, lat in corners]],
                },
                "properties": {"asked": shown.asked, "unmatched": shown.unmatched, "merged": shown.merged},
            }
        )
    return {
        "type": "FeatureCollection",
        "features": features,
        "region": found.region,
        "from": found.begin.isoformat(),
        "to": found.end.isoformat(),
        "end": found.side.value,
        "least": found.least,
        "hidden": found.hidden,
    }


def series_csv(members: Mapping[str, Any]) -> str:
    """Totals (`row` is total) and series (bucket), and by hour of the day (hour) where there is one; nested members have dotted names."""
    rows: list[Members] = [{"row": "total", "from": members["from"], "to": members["to"], **members["totals"]}]
    rows += [{"row": "bucket", **bucket} for bucket in members["series"]]
    rows += [{"row": "hour", **hour} for hour in members.get("by_hour", ())]
    return _csv(rows)


def demand_csv(members: Mapping[str, Any]) -> str:
    """One row a cell, with its south-western and north-eastern corners; the last row (`row` is hidden) counts what no cell shows."""
    rows: list[Members] = []
    for feature in members["features"]:
        west_south, _, east_north, *_ = feature["geometry"]["coordinates"][0]
        corners = {"west": west_south[0], "south": west_south[1], "east": east_north[0], "north": east_north[1]}
        rows.append({"row": "cell", "cell": feature["id"], **corners, **feature["properties"]})
    return _csv([*rows, {"row": "hidden", "unmatched": members["hidden"]}])


def _match(numbers: MatchNumbers) -> Members:
    members: Members = {
        "searches": numbers.searches,
        "matched": numbers.matched,
        "booked": numbers.booked,
        "considered": numbers.considered,
        "feasible": numbers.feasible,
        "shown": numbers.shown,
        "seats": numbers.seats,
        "lost": numbers.lost,
        "turned_away": numbers.turned_away,
    }
    if numbers.searches:
        members["match_rate"] = round(numbers.matched / numbers.searches, 6)
        members["window_s"] = round(numbers.window_s / numbers.searches, 1)
        members["latency_ms"] = _quantiles(numbers.latency_ms)
    if numbers.detour_s is not None:
        members["detour_s"] = _quantiles(numbers.detour_s)
        members["walk_m"] = _quantiles(numbers.walk_m)
    return members


def _quantiles(found: Quantiles | None) -> Mapping[str, float]:
    assert found is not None, "what was counted was measured"
    return {"p50": found.p50, "p95": found.p95, "p99": found.p99}


def _supply(numbers: SupplyNumbers) -> Members:
    return asdict(numbers)


def _moments(edges: Sequence[int], zone: tzinfo) -> list[str]:
    # Shown in the zone asked for, with the offset that holds at the moment.
    return [datetime.fromtimestamp(edge, UTC).astimezone(zone).isoformat() for edge in edges]


def _csv(rows: Sequence[Members]) -> str:
    flat = [dict(_flat(row)) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _flat(members: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, object]]:
    for name, value in members.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value).lower() if isinstance(value, bool) else value
