"""Offers as database rows and HTTP bodies: drawn as for the matcher's benchmark, on tomorrow's date."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from bench.worlds import MORNING, World, region_world, sample_world
from matcher.domain.offer import Offer
from matcher.domain.place import Place, RoadPosition
from matcher.matching.scan.query import Query
from matcher.roads.region.store import SAMPLE_NAME, RegionStore, ensure_sample
from matcher.trips.offers.rows import to_row

Json = dict[str, Any]


@dataclass(frozen=True)
class StoredWorld:
    """A world whose region also lies in a data folder, in the state `fingerprint`, for a service to open.

    `shift` moves the moments of the drawn world to tomorrow: a service refuses what has left.
    """

    world: World
    fingerprint: str
    shift: timedelta

    def published(self, offer: Offer) -> Offer:
        """A drawn offer as the service would have stored it; nobody has booked, so what is free is what was offered."""
        return replace(
            offer,
            region_fingerprint=self.fingerprint,
            origin=self._place(offer.origin.position),
            destination=self._place(offer.destination.position),
            departure=offer.departure + self.shift,
            seats_offered=offer.seats_left,
        )

    def offer_body(self, offer: Offer) -> Json:
        """The call that publishes a drawn offer; flexibility and detour are left to the defaults."""
        return {
            "origin": self._point(offer.origin.position),
            "destination": self._point(offer.destination.position),
            "departure": (offer.departure + self.shift).isoformat(),
            "seats": offer.seats_left,
        }

    def search_body(self, query: Query, limit: int) -> Json:
        """The call that searches as a drawn rider does."""
        earliest, latest = (
            (datetime.fromtimestamp(ms / 1000, UTC) + self.shift).isoformat()
            for ms in (query.earliest_ms, query.latest_ms)
        )
        return {
            "origin": self._point(query.pickup),
            "destination": self._point(query.dropoff),
            "departure": {"earliest": earliest, "latest": latest},
            "seats": query.seats,
            "limit": limit,
        }

    def _place(self, position: RoadPosition) -> Place:
        engine = self.world.engine
        return Place(engine.locate(position), engine.street(position) or "", position, 0.0)

    def _point(self, position: RoadPosition) -> Json:
        coordinate = self.world.engine.locate(position)
        return {"lat": round(coordinate.lat, 7), "lon": round(coordinate.lon, 7)}


def stored_world(data_dir: Path, name: str) -> StoredWorld:
    """The world of a region in a new data folder: the bundled region is imported, others are linked."""
    store = RegionStore(data_dir)
    if name == SAMPLE_NAME:
        ensure_sample(store)
        world = sample_world()
    else:
        users = Path(os.environ.get("CARPOOL_DATA_DIR", ".carpool")).absolute()
        world = region_world(users, name)
        (data_dir / "regions").symlink_to(users / "regions", target_is_directory=True)
    region = store.get(name)
    if region.network.edge_count != world.engine.network.edge_count:
        raise RuntimeError("two imports of one region differ: positions drawn on one do not hold on the other")
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    return StoredWorld(world, region.fingerprint, tomorrow - MORNING.date())


async def copy_offers(connection: asyncpg.Connection, offers: Sequence[Offer]) -> None:
    """Write offers as the service stores them, by COPY, and let PostgreSQL look at what it has got."""
    columns = list(to_row(offers[0]))
    await connection.copy_records_to_table("offers", records=_records(offers), columns=columns)
    await connection.execute("VACUUM ANALYZE offers")


def _records(offers: Sequence[Offer]) -> Iterator[tuple[object, ...]]:
    for offer in offers:
        yield tuple(json.dumps(value) if isinstance(value, list | dict) else value for value in to_row(offer).values())
