"""The cache of geocoder answers in PostgreSQL, shared by all processes of the service."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.postgres.statements import Statements
from matcher.postgres.store import PostgresStore

_KEY_LIMIT_BYTES = 1_000  # the table's own limit; an index entry holds 2.7 kB


class PostgresGeocodeCache(PostgresStore):
    """A GeocodeCache."""

    _statements = Statements("geocode_cache")

    async def find(self, provider: str, query: str, now: datetime) -> list[GeocodedPlace] | None:
        places = await self._value("find_places", provider=provider, query=_key(query), now=now)
        return None if places is None else [_to_place(place) for place in places]

    async def put(self, provider: str, query: str, places: Sequence[GeocodedPlace], expires_at: datetime) -> None:
        await self._run(
            "put_places",
            provider=provider,
            query=_key(query),
            places=[_to_json(place) for place in places],
            expires_at=expires_at,
        )

    async def forget_expired(self, now: datetime) -> int:
        """Delete expired answers; returns how many."""
        return await self._run("forget_expired_places", now=now)


def _key(query: str) -> str:
    text = query.encode()
    return query if len(text) <= _KEY_LIMIT_BYTES else f"sha256:{hashlib.sha256(text).hexdigest()}"


def _to_json(place: GeocodedPlace) -> dict[str, object]:
    return {
        "lat": place.coordinate.lat,
        "lon": place.coordinate.lon,
        "label": place.label,
        "precision": place.precision,
        "score": place.score,
        "source": place.source,
    }


def _to_place(place: dict[str, object]) -> GeocodedPlace:
    values = dict(place)
    lat, lon = values.pop("lat"), values.pop("lon")
    return GeocodedPlace(coordinate=Coordinate(lat=lat, lon=lon), **values)  # type: ignore[arg-type]  # from _to_json
