"""A new version of the region that is served is taken into use without a pause."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime

from matcher.domain.errors.tree import CarpoolError, Unavailable
from matcher.search.live.region import LiveOffers, ServedRegion

_log = logging.getLogger(__name__)


class RenewRegion:
    """Looks at what lies on disk. When it has changed, the new version is opened and filled with offers in the background and then takes the
    place of the old one. One that cannot be used is logged once, told by `state`, and not tried again until it changes."""

    def __init__(
        self,
        look: Callable[[], Hashable],
        open_region: Callable[[], Awaitable[ServedRegion]],
        live: LiveOffers,
        *,
        in_use: Hashable,
    ) -> None:
        """look: what is on disk, told apart; called in a thread. in_use: what it returned before the region in use was opened."""
        self._look = look
        self._open = open_region
        self._live = live
        self._in_use = self._seen = in_use
        self._problem: str | None = None

    async def __call__(self, now: datetime) -> bool:  # noqa: ARG002  # a job of `workers.loop`
        """Whether a new version was taken into use. Raises DatabaseUnavailable, and then tries again the next time."""
        on_disk = await asyncio.to_thread(self._look)
        if on_disk == self._seen:
            return False
        if on_disk == self._in_use:  # somebody has put back what we have
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
        """A probe of `CheckHealth`: says when a new version could not be used. The service goes on with the old one, so it never fails."""
        if self._problem is None:
            return None
        return f"ok, but a newer version of the region cannot be used: {self._problem}"
