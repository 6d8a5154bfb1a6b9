"""What has changed is matched with the requests that wait, by one process of the service at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from matcher.domain.errors import Unavailable
from matcher.services.ports import ChangeFeed

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_log = logging.getLogger(__name__)


async def run_request_matching(
    feed: ChangeFeed,
    take_turn: Callable[[datetime], Awaitable[int]],
    *,
    every_s: float,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Take a turn whenever an offer has changed, and every `every_s` seconds, until cancelled; after an error with pauses of 0.1 s up to 5 s."""
    pause_s, away = _FIRST_PAUSE_S, False
    while True:
        try:
            async with feed.listening() as listener:
                while True:
                    await take_turn(clock())
                    if away:
                        _log.info("offers are matched with requests again")
                    pause_s, away = _FIRST_PAUSE_S, False
                    await listener.wait(every_s)
        except Unavailable as error:
            if not away:
                _log.warning("offers are not matched with requests: %s", error.detail)
            away = True
        except Exception:  # noqa: BLE001  # a defect must not leave riders waiting for good
            _log.exception("matching offers with requests failed; it begins again")
            away = True
        await sleep(pause_s)
        pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)
