"""An attacker who has the road graph, this code, and as many keys as they like: finds doors from what the service
answers.

Each attack collects moments at which a car would be somewhere, as answers give them or as they follow from what fits.
Then every door of a neighbourhood is tried: the one from which the roads explain all of these moments best is the
guess. People leave at whole minutes, which the attacker knows as well.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from matcher.domain.place import Coordinate, RoadPosition
from matcher.matching.base.positions import split_cost
from matcher.roads.by_time import RoadEngines
from matcher.roads.engine import RoadEngine
from matcher.roads.network.graph import ROAD_CLASSES
from matcher.roads.network.public_points import LIVED_IN
from matcher.roads.region.store import RegionStore
from matcher.wiring.region import roads_of
from tests.api.live import Live

#: Doors that are tried lie so far apart along the streets.
STEP_M = 20.0
DAY_MS = 86_400_000
#: A guess so near is a find.
FOUND_M = 25.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A car that set out at `begin`, where that is known, is at a position at a moment, in ms since the epoch."""

    position: RoadPosition
    at_ms: float
    begin: RoadPosition | None = None


@dataclass(frozen=True, eq=False)
class Map:
    """The roads that somebody can import from the same file."""

    roads: RoadEngine

    @classmethod
    def of(cls, folder: Path) -> Map:
        roads = roads_of(RegionStore(folder).get("coquimbo"))
        assert isinstance(roads, RoadEngines)
        return cls(roads.slots[0])

    def ms(self, begin: RoadPosition, end: RoadPosition) -> float:
        """How long the fastest drive takes."""
        cost = self.roads.cost(begin, end)
        assert cost is not None
        return split_cost(cost)[0]

    def stop(self, place: Coordinate) -> RoadPosition:
        """Where the road is nearest to a place."""
        snapped = self.roads.snap(place, limit_m=500.0)
        assert snapped is not None
        return snapped.position

    def neighbourhood(self, near: Coordinate) -> list[RoadPosition]:
        """Doors along the streets of the public point around a place, where people live."""
        network = self.roads.network
        lived_in = np.isin(network.edge_class, [ROAD_CLASSES.index(name) for name in LIVED_IN])
        mine = np.flatnonzero((network.edge_public == network.edge_public[self.stop(near).edge]) & lived_in)
        doors = []
        for edge in mine.tolist():
            arc = max(int(network.edge_forward_arc[edge]), int(network.edge_backward_arc[edge]))
            steps = max(1, round(network.arc_length_cm[arc] / 100 / STEP_M))
            doors += [RoadPosition(edge, (step + 0.5) / steps) for step in range(steps)]
        return doors

    def around(self, centre: Coordinate, count: int, most_m: float, draw: random.Random) -> list[Coordinate]:
        """Places on streets within a distance."""
        found: list[Coordinate] = []
        while len(found) < count:
            edge = draw.randrange(self.roads.network.street_count)
            where = self.roads.locate(RoadPosition(edge, 0.5))
            if 300.0 < where.distance_m(centre) < most_m:
                found.append(where)
        return found

    def guess(
        self, doors: Sequence[RoadPosition], seen: Sequence[Seen], drive: Callable[[RoadPosition, Seen], float]
    ) -> RoadPosition:
        """The door from which `drive(door, position)` explains best when the car was where."""

        def misfit(door: RoadPosition) -> float:
            # People leave at the same time of the day, on whatever day.
            begun = [one.at_ms % DAY_MS - drive(door, one) for one in seen]
            middle = median(begun)
            # What was misunderstood, such as a stop behind one's own, is left out.
            spread = median(abs(at - middle) for at in begun)
            return spread + abs(middle - 60_000 * round(middle / 60_000)) / 10

        return min(doors, key=misfit)

    def apart_m(self, one: RoadPosition, other: RoadPosition) -> float:
        """As the crow flies."""
        return self.roads.locate(one).distance_m(self.roads.locate(other))


def at(where: Coordinate) -> dict[str, float]:
    """A place as callers send it."""
    return {"lat": where.lat, "lon": where.lon}


def to_ms(moment: str | datetime) -> float:
    """Milliseconds since the epoch."""
    when = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return when.timestamp() * 1000


async def passing(
    live: Live, offer_id: str, pickups: Sequence[Coordinate], to: Coordinate, day: datetime
) -> list[Seen]:
    """When a trip would pass the attacker at some places, from one search each."""
    token = await live.key("rider")
    window = {"earliest": (day - timedelta(hours=3)).isoformat(), "latest": (day + timedelta(hours=3)).isoformat()}
    seen = []
    for pickup in pickups:
        body = {"origin": at(pickup), "destination": at(to), "departure": window, "limit": 50}
        answer = await live.call("POST", "/v1/match", token, json=body)
        for match in answer.json.get("matches", ()):
            if match["offer_id"] == offer_id:
                stop = claims_of(match["match_id"])["from"]
                seen.append(Seen(RoadPosition(stop[2], stop[3]), to_ms(match["pickup"]["time"])))
    return seen


async def fits_until(
    live: Live, token: str, trip: dict[str, Any], begin: datetime, end: datetime, grain_ms: int
) -> float:
    """The last departure of a trip, in ms, at which a waiting rider fits, by moving it until the answer changes."""
    low, high = to_ms(begin), to_ms(end)

    async def fits(departure_ms: float) -> bool:
        departure = datetime.fromtimestamp(departure_ms / 1000, tz=begin.tzinfo).isoformat(timespec="milliseconds")
        body = trip | {"departure": departure}
        answer = await live.call("POST", "/v1/offers?dry_run=true", token, json=body)
        assert answer.status == 200, answer.body
        return bool(answer.json["would_match"]["waiting"]["fitting"])

    assert await fits(low), "the rider does not wait for this trip"
    assert not await fits(high)
    while high - low > grain_ms:
        middle = (low + high) // 2
        low, high = (middle, high) if await fits(middle) else (low, middle)
    return low


def claims_of(token: str) -> Any:
    """What a signed id says to whoever holds it."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
