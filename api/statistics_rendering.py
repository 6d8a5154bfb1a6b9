"""Statistics as members of JSON objects, and the same as rows of CSV (RFC 4180).

A year of hours is nine thousand objects of thirty members: their JSON is written as text, without objects between. The models of
api/schemas/stats.py describe what is written; tests hold the two together. CSV is made from the JSON, so it has the same numbers.
"""

from __future__ import annotations

import csv
import io
import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import Any

import numpy as np

from matcher.domain.buckets import steady
from matcher.domain.statistics import (
    QUARTER_S,
    Demand,
    MatchSeries,
    MatchStatistics,
    QuantileColumns,
    SupplyNumbers,
    SupplyStatistics,
)

Members = dict[str, Any]


def match_json(found: MatchStatistics, bucket: str, tz: str, zone: tzinfo) -> str:
    """MatchStatsOut as JSON, written row by row: nothing in it needs escaping but what is dumped."""
    moments = _moments(found.edges, zone)
    head = {"region": found.region, "from": moments[0], "to": moments[-1], "bucket": bucket, "tz": tz}
    spans = zip(moments, moments[1:], _match(found.series), strict=False)
    series = ",".join([f'{{"from":"{begin}","to":"{end}",{numbers}}}' for begin, end, numbers in spans])
    (totals,) = _match(found.totals)
    return f'{json.dumps(head)[:-1]},"totals":{{{totals}}},"series":[{series}]}}'


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


def as_json(members: Members) -> str:
    """Members as a JSON text."""
    return json.dumps(members, separators=(",", ":"))


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


def _match(series: MatchSeries) -> Iterable[str]:
    """The members of MatchNumbersOut, as JSON without the braces."""
    counts = series.counts
    columns = zip(
        *(
            counts[name]
            for name in ("searches", "matched", "booked", "considered", "feasible", "shown", "seats", "lost")
        ),
        counts["window_s"],
        series.turned_away,
        _quantiles(series.quantiles["detour_s"]),
        _quantiles(series.quantiles["walk_m"]),
        _quantiles(series.quantiles["latency_us"]),
        strict=True,
    )
    for n, matched, booked, considered, feasible, shown, seats, lost, window_s, reasons, detour, walk, took in columns:
        text = (
            f'"searches":{n},"matched":{matched},"booked":{booked},"considered":{considered},"feasible":{feasible},'
            f'"shown":{shown},"seats":{seats},"lost":{lost},"turned_away":{reasons}'
        )
        if n:
            text += f',"match_rate":{matched / n:.6f},"window_s":{window_s / n:.1f},"latency_ms":{took}'
        if matched:
            text += f',"detour_s":{detour},"walk_m":{walk}'
        yield text


def _quantiles(columns: QuantileColumns) -> list[str]:
    """QuantilesOut of each span. There are a few hundred different values, and writing a number is slower than looking it up."""
    texts = {value: repr(value) for column in columns for value in set(column)}
    p50, p95, p99 = ([texts[value] for value in column] for column in columns)
    return [f'{{"p50":{a},"p95":{b},"p99":{c}}}' for a, b, c in zip(p50, p95, p99, strict=True)]


def _supply(numbers: SupplyNumbers) -> Members:
    return asdict(numbers)


def _moments(edges: Sequence[int], zone: tzinfo) -> list[str]:
    """RFC 3339 with the offset that holds in the zone at each moment; edges ascend."""
    found: list[str] = []
    for begin, end, offset_s in steady(edges[0], edges[-1] + QUARTER_S, zone):
        shown = datetime.fromtimestamp(begin, zone).isoformat()[len("2026-12-01T00:00:00") :]
        low, high = bisect_left(edges, begin), bisect_left(edges, end)
        local = np.asarray(edges[low:high], dtype=np.int64) + offset_s
        found += [text + shown for text in np.datetime_as_string(local.astype("datetime64[s]")).tolist()]
    return found


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
