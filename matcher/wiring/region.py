"""How the region that is served is opened, at start and again when a new version of it lies on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from concurrent.futures import Executor
from contextlib import AsyncExitStack

from matcher.geocoding.network.cached import GeocodeCache
from matcher.matching.index.by_time import OfferIndexByTime
from matcher.money.cost_sharing import CostSharing
from matcher.operation.telemetry import Telemetry
from matcher.places.resolve import ResolvePlaces
from matcher.progress import Progress, no_progress
from matcher.roads.region.store import RegionStore
from matcher.search.live.load import LoadOffers
from matcher.search.live.region import ServedRegion
from matcher.settings.all import Settings
from matcher.trips.offers.repository import OfferRepository
from matcher.wiring.cost import cost_sharing
from matcher.wiring.parts import LoadedRegion, import_region, load_region, make_geocoder, read_region


class RegionOpener:
    """Opens the region of the settings as often as asked; whatever it has opened is closed with the stack."""

    def __init__(
        self,
        settings: Settings,
        stack: AsyncExitStack,
        offers: OfferRepository,
        cache: GeocodeCache,
        executor: Executor,
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._stack = stack
        self._offers = offers
        self._cache = cache
        self._executor = executor
        self._telemetry = telemetry
        self._store = RegionStore(settings.storage.data_dir)
        self._cost_sharing: CostSharing | None = None

    @property
    def cost_sharing(self) -> CostSharing:
        """Prices in the region that was opened first."""
        assert self._cost_sharing is not None, "nothing was opened yet"
        return self._cost_sharing

    def look(self) -> Hashable:
        """What lies on disk: equal exactly as long as nobody has added the region again or given it other places or speeds."""
        return self._store.stamp(self._settings.roads.region)

    async def first(self, progress: Progress) -> tuple[ServedRegion, Hashable]:
        """At start, with what lay on disk then; the bundled region is imported when it is missing. Raises RegionNotFound, RegionFileInvalid."""
        await asyncio.to_thread(import_region, self._settings, progress)
        # Before the region is opened: a newer one that arrives meanwhile is noticed later.
        on_disk = await asyncio.to_thread(self.look)
        region = await asyncio.to_thread(load_region, self._settings, progress)
        self._cost_sharing = await asyncio.to_thread(cost_sharing, self._settings.cost, region.box)
        return self._served(region), on_disk

    async def again(self) -> ServedRegion:
        """The version that lies on disk now. Raises RegionNotFound, RegionFileInvalid; what was opened before stays good."""
        return self._served(await asyncio.to_thread(self._read))

    def _read(self) -> LoadedRegion:
        return read_region(self._store.get(self._settings.roads.region), no_progress)

    def _served(self, region: LoadedRegion) -> ServedRegion:
        roads, rate = region.roads, self.cost_sharing.rate
        geocoder = make_geocoder(
            self._settings.geocoding, region.gazetteer, region.box, self._executor, self._cache, self._telemetry
        )
        self._stack.push_async_callback(geocoder.close)
        places = ResolvePlaces(roads, geocoder, self._executor, snap_limit_m=self._settings.roads.snap_limit_m)
        return ServedRegion(
            roads=roads,
            geocoder=geocoder,
            meeting_points=region.meeting_points,
            resolve_places=places,
            load=LoadOffers(self._offers, roads, places, self._executor),
            rate=rate,
            make_index=lambda: OfferIndexByTime(roads, rate),
            index=OfferIndexByTime(roads, rate),
        )
