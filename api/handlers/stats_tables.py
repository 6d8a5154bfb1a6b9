"""Statistics as members of JSON objects, and the same as rows of CSV (RFC 4180).

A year of hours is nine thousand objects of thirty members: their JSON is written as text, without objects between. The
models of api/schemas/stats.py describe what is written; tests hold the two together. CSV is made from the JSON, so it
has the same numbers.
"""

from __future__ import annotations

import csv
import io
import json
import operator
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo
from itertools import pairwise
from typing import Any

import numpy as np

from matcher.statistics.buckets import steady
from matcher.statistics.model import (
    COUNTS,
    LOST,
    MEANS,
    OF_BEST,
    OF_SEARCH,
    QUARTER_S,
    Demand,
    MatchSeries,
    MatchStatistics,
    SupplyNumbers,
    SupplyStatistics,
    WantedHours,
)

Members = dict[str, Any]

_COUNTS = tuple(one.name for one in (*COUNTS, LOST))
_TRIPLE = '{"p50":%s,"p95":%s,"p99":%s}'
_ALWAYS = "{%s" + ",".join(f'"{name}":%d' for name in _COUNTS) + ',"turned_away":%s'
_ASKED = "".join(
    [',"match_rate":%.6f']
    + [f',"{one.member}":%.1f' for one in MEANS]
    + [f',"{one.member}":{_TRIPLE}' for one in OF_SEARCH]
)
_MATCHED = "".join(f',"{one.member}":{_TRIPLE}' for one in OF_BEST)
#: MatchNumbersOut without a search, without a match, and with both. All take the same values: `%.0s` writes nothing.
_NUMBERS = (
    _ALWAYS + "%.0s" * (_ASKED.count("%") + _MATCHED.count("%")) + "}",
    _ALWAYS + _ASKED + "%.0s" * _MATCHED.count("%") + "}",
    _ALWAYS + _ASKED + _MATCHED + "}",
)


def match_json(found: MatchStatistics, bucket: str, tz: str, zone: tzinfo) -> str:
    """MatchStatsOut as JSON, written row by row: nothing in it needs escaping but what is dumped."""
    moments = _moments(found.edges, zone)
    head = {"region": found.region, "from": moments[0], "to": moments[-1], "bucket": bucket, "tz": tz}
    spans = [f'"from":"{begin}","to":"{end}",' for begin, end in pairwise(moments)]
    (totals,) = _match(found.totals, [""])
    return f'{json.dumps(head)[:-1]},"totals":{totals},"series":[{",".join(_match(found.series, spans))}]}}'


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


def wanted_members(found: WantedHours, tz: str) -> Members:
    """WantedOut."""
    return {
        "region": found.region,
        "from": found.begin.isoformat(),
        "to": found.end.isoformat(),
        "tz": tz,
        "by_hour": [{"hour": hour, **asdict(numbers)} for hour, numbers in enumerate(found.by_hour)],
    }


def as_json(members: Members) -> str:
    """Members as a JSON text."""
    return json.dumps(members, separators=(",", ":"))


def series_csv(members: Mapping[str, Any]) -> str:
    """Rows of totals (`row` is total), the series (bucket) and hours of the day (hour); nested names are dotted."""
    rows: list[Members] = [{"row": "total", "from": members["from"], "to": members["to"], **members["totals"]}]
    rows += [{"row": "bucket", **bucket} for bucket in members["series"]]
    rows += [{"row": "hour", **hour} for hour in members.get("by_hour", ())]
    return _csv(rows)


def demand_csv(members: Mapping[str, Any]) -> str:
    """One row per cell with its south-west and north-east corners; the last row (`row` is hidden) counts the rest."""
    rows: list[Members] = []
    for feature in members["features"]:
        west_south, _, east_north, *_ = feature["geometry"]["coordinates"][0]
        corners = {"west": west_south[0], "south": west_south[1], "east": east_north[0], "north": east_north[1]}
        rows.append({"row": "cell", "cell": feature["id"], **corners, **feature["properties"]})
    return _csv([*rows, {"row": "hidden", "unmatched": members["hidden"]}])


def wanted_csv(members: Mapping[str, Any]) -> str:
    """One row per hour of the day."""
    return _csv([{"row": "hour", **hour} for hour in members["by_hour"]])


def _match(series: MatchSeries, spans: Sequence[str]) -> list[str]:
    """MatchNumbersOut of each span as JSON, behind members that say which span it is."""
    counts = series.counts
    searches, matched = counts["searches"], counts["matched"]
    rows = zip(
        spans,
        *(counts[name] for name in _COUNTS),
        series.turned_away,
        [some / (all_ or 1) for some, all_ in zip(matched, searches, strict=True)],
        *([total / (all_ or 1) for total, all_ in zip(counts[one.name], searches, strict=True)] for one in MEANS),
        *(_texts(column) for one in (*OF_SEARCH, *OF_BEST) for column in series.quantiles[one.name]),
        strict=True,
    )
    kinds = (_NUMBERS[(n > 0) + (found > 0)] for n, found in zip(searches, matched, strict=True))
    return list(map(operator.mod, kinds, rows))


def _texts(column: Sequence[float]) -> list[str]:
    """There are a few hundred different quantiles, and writing a number is slower than looking it up."""
    texts = {value: repr(value) for value in set(column)}
    return list(map(texts.__getitem__, column))


def _supply(numbers: SupplyNumbers) -> Members:
    return asdict(numbers)


def _moments(edges: Sequence[int], zone: tzinfo) -> list[str]:
    """RFC 3339 with the offset that holds in the zone at each moment; edges ascend."""
    found: list[str] = []
    for begin, end, offset_s in steady(edges[0], edges[-1] + QUARTER_S, zone):
        shown = datetime.fromtimestamp(begin, zone).isoformat()[len("2026-12-01T00:00:00") :]
        low, high = bisect_left(edges, begin), bisect_left(edges, end)
        days, seconds = np.divmod(np.asarray(edges[low:high], dtype=np.int64) + offset_s, 86_400)
        # There are few different days and few different times of day: each is written once.
        dates = {day: str(np.datetime64(day, "D")) for day in np.unique(days).tolist()}
        times = {s: f"T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}{shown}" for s in np.unique(seconds).tolist()}
        both = zip(map(dates.__getitem__, days.tolist()), map(times.__getitem__, seconds.tolist()), strict=True)
        found += map("".join, both)
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
