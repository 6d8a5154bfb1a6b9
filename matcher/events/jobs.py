"""Events are numbered, handed to listeners, posted to webhooks; people are reminded; what is old is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from matcher.domain.errors.tree import Unavailable
from matcher.events.feed import EventFeed
from matcher.events.ports import DepartureNotices, EventBell, EventNotices
from matcher.events.webhooks.deliver import DeliverEvents
from matcher.operation.jobs.loop import JobReport, heed, repeat

#: Events are looked for this often also when nobody tells of any.
INTERVAL_S = 0.5
#: Deliveries become due without anybody telling.
DELIVERIES_EVERY_S = 1.0
REMIND_EVERY_S = 30.0
TIDY_EVERY_S = 300.0
_AT_ONCE = 1000


class KeepsEvents(Protocol):
    """Events on disk."""

    async def forget_events(self, before: datetime, limit: int) -> int:
        """Drop at most `limit` events that happened before a moment; returns how many."""


class KeepsDeliveries(Protocol):
    """Deliveries on disk."""

    async def forget_delivered(self, before: datetime, limit: int) -> int:
        """Drop at most `limit` deliveries that arrived before a moment; returns how many."""


async def run_event_feed(
    bell: EventBell,
    feed: EventFeed,
    *,
    clock: Callable[[], datetime],
    interval_s: float = INTERVAL_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Hand out events as they are committed, until cancelled."""

    async def hand_out(_notices: EventNotices) -> None:
        await feed.catch_up(clock())

    await heed("handing out events", bell.listening, hand_out, every_s=interval_s, sleep=sleep)


async def run_deliveries(deliver: DeliverEvents, woken: asyncio.Event, *, every_s: float = DELIVERIES_EVERY_S) -> None:
    """Send what is due when it becomes due, until cancelled; `woken` is set when there may be something new."""
    report = JobReport("looking for deliveries")
    try:
        while True:
            woken.clear()
            try:
                await deliver.send_due()
            except Unavailable as error:
                report.waits(error)
                failed = True
            except Exception:  # noqa: BLE001  # a defect in one turn must not end deliveries for good
                report.failed()
                failed = True
            else:
                report.well()
                failed = False
            await _first(woken.wait(), deliver.one_sent(), within_s=every_s)
            if failed:
                await asyncio.sleep(every_s)
    finally:
        await deliver.stop()


async def run_departure_notices(
    notices: DepartureNotices,
    *,
    ahead: timedelta,
    clock: Callable[[], datetime],
    every_s: float = REMIND_EVERY_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Tell of departures that are near, until cancelled."""

    async def remind(now: datetime) -> None:
        await notices.write_departures_soon(now, ahead)

    await repeat("reminding of departures", remind, every_s=every_s, clock=clock, sleep=sleep)


async def run_event_housekeeping(
    events: KeepsEvents,
    deliveries: KeepsDeliveries,
    *,
    events_kept: timedelta,
    deliveries_kept: timedelta,
    clock: Callable[[], datetime],
    every_s: float = TIDY_EVERY_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Drop old events and old deliveries, a batch at a time, until cancelled."""

    async def tidy(now: datetime) -> None:
        while await deliveries.forget_delivered(now - deliveries_kept, _AT_ONCE) == _AT_ONCE:
            pass
        while await events.forget_events(now - events_kept, _AT_ONCE) == _AT_ONCE:
            pass

    await repeat("housekeeping of events", tidy, every_s=every_s, clock=clock, sleep=sleep)


async def _first(*waits: Awaitable[object], within_s: float) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
