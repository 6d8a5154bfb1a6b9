"""The offers in memory follow what other instances write."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from matcher.domain.errors import Unavailable
from matcher.services.follow_changes import FollowChanges
from matcher.services.ports import ChangeFeed

#: Changes are read this often also when nobody tells of any: it finds what was written without a notice, and a lost connection.
INTERVAL_S = 0.5
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_log = logging.getLogger(__name__)


async def run_change_feed(
    feed: ChangeFeed,
    follow: FollowChanges,
    *,
    interval_s: float = INTERVAL_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Catch up whenever there is news, until cancelled; a connection that is lost is made anew, with pauses of 0.1 s up to 5 s."""
    pause_s, away = _FIRST_PAUSE_S, False
    while True:
        try:
            async with feed.listening() as listener:
                while True:
                    await follow.catch_up(listener)
                    if away:
                        _log.info("changes of offers arrive again")
                    pause_s, away = _FIRST_PAUSE_S, False
                    await listener.wait(interval_s)
        except Unavailable as error:
            if not away:
                _log.warning("changes of offers do not arrive: %s", error.detail)
            away = True
        except Exception:  # noqa: BLE001  # a defect must not leave the index behind for good
            _log.exception("following the changes of offers failed; it begins again")
            away = True
        await sleep(pause_s)
        pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)
