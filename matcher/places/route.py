"""The line an offer's driver will follow."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from matcher.domain.offer import Offer
from matcher.domain.place import same_positions
from matcher.roads.asked import RoadsByTime
from matcher.roads.engine import DrivenRoute


class DescribeRoute:
    """The fastest drive through an offer's stops, with its points."""

    def __init__(self, roads: RoadsByTime, executor: Executor) -> None:
        self._roads = roads
        self._executor = executor

    async def __call__(self, offer: Offer) -> DrivenRoute:
        """The route on the roads that are served.

        The road positions of an offer belong to one network: for an offer of another region, or of an older import, the
        stored drive is returned with straight lines between the stops.
        """
        places = (offer.origin, *offer.via, offer.destination)
        if offer.region == self._roads.name and same_positions(offer.region_fingerprint, self._roads.fingerprint):
            positions = [place.position for place in places]
            drive = self._roads.at(offer.departure).drive
            route = await asyncio.get_running_loop().run_in_executor(self._executor, drive, positions)
            if route is not None:
                return route
        return DrivenRoute(
            duration_ms=offer.duration_ms,
            length_cm=offer.length_cm,
            points=tuple(place.coordinate for place in places),
        )
