"""Events are read in the order of their commits, each of them, whoever writes, rolls back, or dies meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from matcher.events.bell import PostgresEventBell
from matcher.events.event import Event, EventKind, NumberedEvent
from matcher.events.feed import EventFeed, Missed
from matcher.events.store import PostgresEvents, write_events
from matcher.operation.jobs.loop import ListeningJob, in_background
from matcher.postgres.listening import Notices
from matcher.postgres.pool import Database

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
TRIPS = [UUID(int=number) for number in range(1, 4)]


def _event(recipient: str, n: int, trip: UUID = TRIPS[0], key: str | None = None) -> Event:
    return Event(EventKind.TRIP_CHANGED, recipient, trip, {"n": n}, key)


async def test_an_event_that_commits_late_is_told_late_and_not_passed_over(database: Database) -> None:
    store = PostgresEvents(database)
    feed = EventFeed(store)
    await feed.begin()
    with feed.listen("a", None) as stream:
        async with database.transaction() as early:
            await write_events(early, [_event("a", 1)], NOW)  # draws the lower identity
            async with database.transaction() as late:
                await write_events(late, [_event("a", 2, TRIPS[1])], NOW)
            await feed.catch_up(NOW)
        await feed.catch_up(NOW)
        told = [await stream.next(0), await stream.next(0)]
        assert [event and event.event.data["n"] for event in told] == [2, 1]
        assert [event and event.number for event in told] == [1, 2]


async def test_what_is_rolled_back_never_happened(database: Database) -> None:
    store = PostgresEvents(database)
    with suppress(Undone):
        async with database.transaction() as connection:
            await write_events(connection, [_event("a", 1)], NOW)
            _undo(True)
    await store.write([_event("a", 2)], NOW)
    assert await store.give_numbers(NOW) == 1
    assert [event.event.data for event in await store.list_after(0, 10)] == [{"n": 2}]


async def test_nobody_is_told_twice_of_one_thing(database: Database) -> None:
    store = PostgresEvents(database)
    await store.write([_event("a", 1, key="k"), _event("a", 2, key="k"), _event("b", 3, key="k"), _event("a", 4)], NOW)
    await store.write([_event("a", 5, key="k"), _event("a", 6), _event("a", 7, key="l")], NOW)
    await store.give_numbers(NOW)
    assert [event.event.data["n"] for event in await store.list_after(0, 10)] == [1, 3, 4, 6, 7]


class Story:
    """Writers that change trips, one at a time for each trip as offers are changed, and a listener that comes and
    goes.
    """

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.dice = random.Random(seed)
        self.written = itertools.count(1)
        self.committed: set[int] = set()
        self.told: list[tuple[UUID, int]] = []
        self.all_written = False

    async def write(self) -> None:
        """Changes that begin before they have anything to say, hold a trip for a while, and may be undone."""
        for _ in range(12):
            trip, undone = self.dice.choice(TRIPS), self.dice.random() < 0.25
            with suppress(Undone):
                async with self.database.transaction() as connection:
                    await connection.execute("SELECT pg_current_xact_id()")
                    await self._pause()
                    await connection.execute("SELECT pg_advisory_xact_lock($1)", trip.int)
                    n = next(self.written)
                    await write_events(connection, [_event("a", n, trip), _event("b", n, trip)], NOW)
                    await self._pause()
                    _undo(undone)
                self.committed.add(n)
            await self._pause()

    async def write_all(self) -> None:
        """Six at once."""
        await asyncio.gather(*(self.write() for _ in range(6)))
        self.all_written = True

    async def listen(self, feeds: list[EventFeed]) -> None:
        """With one process or the other, going on after what was told last."""
        last = 0
        while not self.all_written or len(self.told) < len(self.committed):
            with self.dice.choice(feeds).listen("a", last) as stream:
                async for missed in stream.missed():
                    assert not isinstance(missed, Missed)
                    last = self._tell(missed, last)
                for _ in range(self.dice.randrange(6)):
                    if (event := await stream.next(0.02)) is not None:
                        last = self._tell(event, last)

    def _tell(self, event: NumberedEvent, last: int) -> int:
        assert event.number > last
        self.told.append((event.event.trip_id, int(str(event.event.data["n"]))))
        return event.number

    async def _pause(self) -> None:
        await asyncio.sleep(self.dice.random() * 0.004)


def _handing_out(url: str, feed: EventFeed, *, every_s: float) -> ListeningJob[Notices]:
    bell = PostgresEventBell(url)
    return ListeningJob("handing out events", every_s, lambda _: feed.catch_up(NOW), bell.listening)


class Undone(Exception):
    """A transaction is rolled back."""


def _undo(undone: bool) -> None:
    if undone:
        raise Undone


@pytest.mark.parametrize("seed", range(4))
async def test_every_committed_event_is_told_once_and_in_the_order_of_its_trip(
    database: Database, fresh_database: str, seed: int
) -> None:
    story = Story(database, seed)
    feeds = [EventFeed(PostgresEvents(database)) for _ in range(2)]
    jobs = [_handing_out(fresh_database, feed, every_s=0.01) for feed in feeds]
    async with in_background(jobs, lambda: NOW), asyncio.timeout(100):
        await asyncio.gather(story.write_all(), story.listen(feeds))
    assert sorted(n for _, n in story.told) == sorted(story.committed)
    for trip in TRIPS:
        of_trip = [n for told, n in story.told if told == trip]
        assert of_trip == sorted(of_trip)
    numbers = [event.number for event in await PostgresEvents(database).list_after(0, 10_000)]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_many_numbering_at_once_give_each_number_once(database: Database) -> None:
    store = PostgresEvents(database)
    await store.write([_event("a", n) for n in range(2500)], NOW)
    given = await asyncio.gather(*(store.give_numbers(NOW) for _ in range(6)))
    while await store.give_numbers(NOW):
        pass
    assert sum(given) <= 2500
    events = await store.list_after(0, 5000)
    assert [event.number for event in events] == list(range(1, 2501))
    assert [event.event.data["n"] for event in events] == list(range(2500))


async def test_old_events_are_forgotten_and_it_is_noted_how_far(database: Database) -> None:
    store = PostgresEvents(database)
    for days, n in ((9, 1), (8, 2), (1, 3)):
        await store.write([_event("a", n)], NOW - timedelta(days=days))
    await store.give_numbers(NOW)
    await store.write([_event("a", 4)], NOW - timedelta(days=30))  # not numbered yet, so nobody was told
    assert await store.forget_events(NOW - timedelta(days=7), 1) == 1
    assert await store.numbers() == (3, 1)
    assert await store.forget_events(NOW - timedelta(days=7)) == 1
    assert await store.forget_events(NOW - timedelta(days=7)) == 0
    assert await store.numbers() == (3, 2)
    await store.give_numbers(NOW)
    assert [event.event.data["n"] for event in await store.list_after(0, 10)] == [3, 4]


async def test_a_notice_wakes_the_feed_and_a_wire_that_was_cut_is_made_anew(
    database: Database, fresh_database: str
) -> None:
    store = PostgresEvents(database)
    feed = EventFeed(store)
    # An interval far beyond the patience of the test: only notices, and beginning anew, bring news.
    job = _handing_out(fresh_database, feed, every_s=600)
    async with in_background([job], lambda: NOW), asyncio.timeout(100):
        with feed.listen("a", None) as stream:
            for n in range(3):
                await _until_heard(database)
                await store.write([_event("a", n)], NOW)
                event = await stream.next(15)
                assert event is not None
                assert event.event.data == {"n": n}
                async with database.connection() as connection:
                    await connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE application_name = 'carpool-matcher events' AND datname = current_database()"
                    )


async def _until_heard(database: Database) -> None:
    """Wait until somebody listens."""
    while True:
        async with database.connection() as connection:
            if await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE application_name = 'carpool-matcher events' AND datname = current_database() AND state = 'idle'"
            ):
                return
        await asyncio.sleep(0.02)
