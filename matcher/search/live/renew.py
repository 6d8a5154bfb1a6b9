"""Takes a new version of the served region into use without an interruption."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime

from matcher.domain.errors.tree import CarpoolError, Unavailable
from matcher.search.live.region import LiveOffers, ServedRegion

_log = logging.getLogger(__name__)


class RenewRegion:
    """When the region on disk has changed, opens it, fills it with offers and replaces the old one.

    A version that cannot be used is logged once, reported by `state`, and not tried again until it changes.
    """

    def __init__(
        self,
        look: Callable[[], Hashable],
        open_region: Callable[[], Awaitable[ServedRegion]],
        live: LiveOffers,
        *,
        in_use: Hashable,
    ) -> None:
        """look: identifies what is on disk, called in a thread; in_use: what it returned for the region in use."""
        self._look = look
        self._open = open_region
        self._live = live
        self._in_use = self._seen = in_use
        self._problem: str | None = None

    async def __call__(self, now: datetime) -> bool:  # noqa: ARG002  # a background job
        """Whether a new version was taken into use. Raises DatabaseUnavailable; the next call tries again."""
        on_disk = await asyncio.to_thread(self._look)
        if on_disk == self._seen:
            return False
        if on_disk == self._in_use:  # the version in use is back
            self._seen, self._problem = on_disk, None
            return False
        try:
            region = await self._open()
        except Unavailable:
            raise
        except CarpoolError as error:
            self._seen, self._problem = on_disk, error.detail
            _log.error("the new version of the region cannot be used, the old one stays in use: %s", error.detail)
            return False
        loaded = await self._live.replace(region)
        self._in_use = self._seen = on_disk
        self._problem = None
        _log.info("a new version of region %s is in use, with %d offers", region.roads.name, loaded.offers)
        return True

    async def state(self) -> str | None:
        """A probe of `CheckHealth`: reports a version that cannot be used. It never fails, as the old one serves on."""
        if self._problem is None:
            return None
        return f"ok, but a newer version of the region cannot be used: {self._problem}"
