"""The rows of `places.jsonl`, from which the offline gazetteer is built: streets with their crossings, places,
addresses, points of interest.

One JSON object a row, absent keys left out: `{"kind": "street"|"place"|"address"|"poi", "name": str, "housenumber":
str?, "street": str?, "city": str?, "lat": float, "lon": float, "rank": int?, "crossings": [[other street's name, lat,
lon], …]?}`. Rank 0 is the most important. A street is one row for each cluster of pieces of one name; it lies at one of
its own points, near its middle. Rows come in the order street, place, poi, address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from matcher.progress import Progress
from matcher.roads.network.graph import F64, I64
from matcher.roads.osm.kernels import union
from matcher.roads.osm.read import Address, NamedPoint, RawExtract, RawStreets

#: Pieces of one name in the same or in adjoining cells of this size are one street.
_CELL_M = 300.0
_METRES_PER_DEGREE = 111_195.0

#: How far a settlement reaches. A point belongs to the settlement whose centre is nearest in units of its reach, up to
#: _FARTHEST of them.
_REACH_M = {"city": 8000.0, "town": 4000.0, "village": 1500.0, "hamlet": 700.0}
_FARTHEST = 3.0

#: An address lends its city to the street of its name within this distance.
_LENDS_CITY_M = 1000.0

#: Two streets that meet again within this distance meet once: the two carriageways of one avenue.
_SAME_CROSSING_M = 150.0


def place_rows(extract: RawExtract, progress: Progress) -> Iterator[dict[str, Any]]:
    """All rows of an extract. Deterministic."""
    progress("naming streets and places", 0, 3)
    cities = _Settlements(extract.named_points)
    yield from _street_rows(extract.streets, extract.addresses, cities)
    progress("naming streets and places", 1, 3)
    lat, lon = _columns(extract.named_points)
    for point, city in zip(extract.named_points, cities.of(lat, lon), strict=True):
        row = {"kind": "poi" if point.category is None else "place", "name": point.name}
        if city is not None and city != point.name and point.category not in ("city", "town"):
            row["city"] = city
        yield row | {"lat": round(point.lat, 7), "lon": round(point.lon, 7), "rank": point.rank}
    progress("naming streets and places", 2, 3)
    lat, lon = _columns(extract.addresses)
    for address, nearest in zip(extract.addresses, cities.of(lat, lon), strict=True):
        city = nearest if address.city is None else address.city
        row = {"kind": "address", "name": f"{address.street} {address.housenumber}"}
        row |= {"housenumber": address.housenumber, "street": address.street}
        if city is not None:
            row["city"] = city
        yield row | {"lat": round(address.lat, 7), "lon": round(address.lon, 7)}
    progress("naming streets and places", 3, 3)


class _Settlements:
    """Which city, town, village or hamlet a point belongs to."""

    def __init__(self, points: list[NamedPoint]) -> None:
        self._kinds: list[tuple[float, list[str], shapely.STRtree]] = []
        self._shrink = 1.0
        settlements = [point for point in points if point.category in _REACH_M]
        if settlements:
            self._shrink = float(np.cos(np.radians(np.mean([point.lat for point in settlements]))))
        for category, reach_m in _REACH_M.items():
            members = [point for point in settlements if point.category == category]
            if members:
                tree = shapely.STRtree(self._project(*_columns(members)))
                self._kinds.append((reach_m, [point.name for point in members], tree))

    def of(self, lat: F64, lon: F64) -> list[str | None]:
        """The settlement of each point, None where there is none near."""
        best = np.full(len(lat), _FARTHEST)
        names: list[str | None] = [None] * len(lat)
        where = self._project(lat, lon)
        for reach_m, members, tree in self._kinds:
            limit = _FARTHEST * reach_m / _METRES_PER_DEGREE
            (asked, found), distance = tree.query_nearest(
                where, max_distance=limit, return_distance=True, all_matches=False
            )
            scaled = distance * _METRES_PER_DEGREE / reach_m
            nearer = scaled < best[asked]
            best[asked[nearer]] = scaled[nearer]
            for point, member in zip(asked[nearer].tolist(), found[nearer].tolist(), strict=True):
                names[point] = members[member]
        return names

    def _project(self, lat: F64, lon: F64) -> npt.NDArray[np.object_]:
        return np.asarray(shapely.points(lon * self._shrink, lat))


def _street_rows(streets: RawStreets, addresses: list[Address], cities: _Settlements) -> Iterator[dict[str, Any]]:
    way_of_point = np.repeat(np.arange(len(streets.name)), np.diff(streets.first))
    points = np.flatnonzero(streets.has_name[way_of_point] == 1)
    if len(points) == 0:
        return
    name = streets.name[way_of_point[points]].astype(np.int64)
    lat, lon = streets.lat[points], streets.lon[points]
    shrink = float(np.cos(np.radians(lat.mean())))
    cluster = _clusters(name, way_of_point[points], lat, lon, shrink)
    middle = _middles(cluster, lat, lon, shrink)
    # Rows in the order of their names; clusters of one name from west to east.
    order = sorted(
        range(len(middle)), key=lambda c: (streets.names[name[middle[c]]], float(lon[middle[c]]), float(lat[middle[c]]))
    )
    crossings = _crossings(streets, name, cluster, streets.ref[points], lat, lon)
    towns = cities.of(lat[middle], lon[middle])
    titles = [streets.names[index] for index in name[middle].tolist()]
    _lend_cities(towns, titles, lat[middle], lon[middle], addresses)
    for c in order:
        row: dict[str, Any] = {"kind": "street", "name": titles[c]}
        if towns[c] is not None:
            row["city"] = towns[c]
        row |= {"lat": round(float(lat[middle[c]]), 7), "lon": round(float(lon[middle[c]]), 7)}
        if c in crossings:
            row["crossings"] = crossings[c]
        yield row


def _clusters(name: I64, way: I64, lat: F64, lon: F64, shrink: float) -> I64:
    """(p,) cluster of each point: points of one name that lie in adjoining cells, or on one way, are together."""
    across = _CELL_M / _METRES_PER_DEGREE
    rows = np.floor((lat + 90.0) / across).astype(np.int64) + 1
    columns = np.floor((lon + 180.0) * shrink / across).astype(np.int64) + 1
    width, height = int(columns.max()) + 2, int(rows.max()) + 2
    key = (name * height + rows) * width + columns
    cells, cell = np.unique(key, return_inverse=True)
    pairs_a, pairs_b = [cell[:-1][way[1:] == way[:-1]]], [cell[1:][way[1:] == way[:-1]]]
    for step in (1, width - 1, width, width + 1):
        at = np.searchsorted(cells, cells + step)
        near = np.flatnonzero(at < len(cells))
        near = near[cells[at[near]] == cells[near] + step]
        pairs_a.append(near)
        pairs_b.append(at[near])
    roots = union(len(cells), np.concatenate(pairs_a), np.concatenate(pairs_b))
    return np.asarray(np.unique(roots[cell], return_inverse=True)[1], dtype=np.int64)


def _middles(cluster: I64, lat: F64, lon: F64, shrink: float) -> I64:
    """(c,) for each cluster its point nearest to the mean of all; of equals the first."""
    size = np.bincount(cluster)
    off_lat = lat - (np.bincount(cluster, lat) / size)[cluster]
    off_lon = (lon - (np.bincount(cluster, lon) / size)[cluster]) * shrink
    order = np.lexsort((off_lat**2 + off_lon**2, cluster))
    return np.asarray(order[np.concatenate([[0], np.cumsum(size)[:-1]])], dtype=np.int64)


def _crossings(
    streets: RawStreets, name: I64, cluster: I64, ref: I64, lat: F64, lon: F64
) -> dict[int, list[tuple[str, float, float]]]:
    """For each cluster the streets of other names that share a node with it, in the order of their names."""
    node = np.unique(ref, return_inverse=True)[1]
    order = np.unique(node * (cluster.max() + 1) + cluster, return_index=True)[1]  # every (node, cluster) once
    meeting = np.bincount(node[order])
    first = np.concatenate([[0], np.cumsum(meeting)])
    met: dict[tuple[int, int], list[int]] = {}
    for group in np.flatnonzero(meeting > 1).tolist():
        here = order[first[group] : first[group + 1]].tolist()
        for a in here:
            for b in here:
                if name[a] != name[b]:
                    met.setdefault((int(cluster[a]), int(name[b])), []).append(a)
    result: dict[int, list[tuple[str, float, float]]] = {}
    for (own, other), where in met.items():
        for point in _apart(where, lat, lon):
            entry = (streets.names[other], round(float(lat[point]), 7), round(float(lon[point]), 7))
            result.setdefault(own, []).append(entry)
    for entries in result.values():
        entries.sort()
    return result


def _apart(points: list[int], lat: F64, lon: F64) -> list[int]:
    """Those of the points that lie farther than _SAME_CROSSING_M from every one taken before."""
    taken: list[int] = []
    for point in points:
        if all(_distance_m(lat[point], lon[point], lat[other], lon[other]) > _SAME_CROSSING_M for other in taken):
            taken.append(point)
    return taken


def _lend_cities(towns: list[str | None], titles: list[str], lat: F64, lon: F64, addresses: list[Address]) -> None:
    """The city that most addresses of a street name, instead of the nearest settlement."""
    by_title: dict[str, list[int]] = {}
    for index, title in enumerate(titles):
        by_title.setdefault(title, []).append(index)
    votes: dict[int, Counter[str]] = {}
    for address in addresses:
        candidates = by_title.get(address.street)
        if address.city is None or candidates is None:
            continue
        gaps = [_distance_m(address.lat, address.lon, lat[index], lon[index]) for index in candidates]
        nearest = int(np.argmin(gaps))
        if gaps[nearest] <= _LENDS_CITY_M:
            votes.setdefault(candidates[nearest], Counter())[address.city] += 1
    for index, counts in votes.items():
        towns[index] = min(counts, key=lambda city: (-counts[city], city))


def _columns(points: list[NamedPoint] | list[Address]) -> tuple[F64, F64]:
    return np.array([point.lat for point in points]), np.array([point.lon for point in points])


def _distance_m(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    shrink = np.cos(np.radians((lat_a + lat_b) / 2))
    return float(np.hypot(lat_a - lat_b, (lon_a - lon_b) * shrink) * _METRES_PER_DEGREE)
