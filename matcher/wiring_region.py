"""How the region that is served is opened, at start and again when a new version of it lies on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from concurrent.futures import Executor
from contextlib import AsyncExitStack

from matcher.geocoding.providers import Box
from matcher.matching.index_by_time import OfferIndexByTime
from matcher.parts import LoadedRegion, import_region, load_region, make_geocoder, read_region
from matcher.roads.regions import RegionStore
from matcher.services.load_offers import LoadOffers
from matcher.services.ports import GeocodeCache, OfferRepository, Progress, no_progress
from matcher.services.resolve_places import ResolvePlaces
from matcher.services.served_region import ServedRegion
from matcher.services.telemetry import Telemetry
from matcher.settings import Settings


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
        self._box: Box | None = None

    @property
    def box(self) -> Box:
        """Of the region that was opened last."""
        assert self._box is not None, "nothing was opened yet"
        return self._box

    def look(self) -> Hashable:
        """What lies on disk: equal exactly as long as nobody has added the region again or given it other places or speeds."""
        return self._store.stamp(self._settings.roads.region)

    async def first(self, progress: Progress) -> tuple[ServedRegion, Hashable]:
        """At start, with what lay on disk then; the bundled region is imported when it is missing. Raises RegionNotFound, RegionFileInvalid."""
        await asyncio.to_thread(import_region, self._settings, progress)
        # Before the region is opened: a newer one that arrives meanwhile is noticed later.
        on_disk = await asyncio.to_thread(self.look)
        return self._served(await asyncio.to_thread(load_region, self._settings, progress)), on_disk

    async def again(self) -> ServedRegion:
        """The version that lies on disk now. Raises RegionNotFound, RegionFileInvalid; what was opened before stays good."""
        return self._served(await asyncio.to_thread(self._read))

    def _read(self) -> LoadedRegion:
        return read_region(self._store.get(self._settings.roads.region), no_progress)

    def _served(self, region: LoadedRegion) -> ServedRegion:
        roads, self._box = region.roads, region.box
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
            make_index=lambda: OfferIndexByTime(roads),
            index=OfferIndexByTime(roads),
        )
