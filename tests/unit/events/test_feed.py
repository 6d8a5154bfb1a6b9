"""Listeners are told everything of theirs, in order, however they come and go; those who do not read are let go
without a gap.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.events.event import Event, EventKind, NumberedEvent
from matcher.events.feed import EventFeed, EventStream, ListenerTooSlow, Missed, StreamEnded
from tests.examples import examples

NOW = datetime(2026, 12, 1, tzinfo=UTC)


class Shelf:
    """Events as a database would hold them; `forgotten` is how far they are gone."""

    def __init__(self) -> None:
        self.events: list[NumberedEvent] = []
        self.waiting = 0
        self.forgotten = 0

    def add(self, *recipients: str) -> None:
        """One event for each."""
        for recipient in recipients:
            event = Event(EventKind.TRIP_CHANGED, recipient, UUID(int=1))
            self.events.append(NumberedEvent(len(self.events) + 1, event, NOW))

    async def give_numbers(self, now: datetime) -> int:
        waiting, self.waiting = self.waiting, 0
        return waiting

    async def numbers(self) -> tuple[int, int]:
        return len(self.events), self.forgotten

    async def list_after(self, after: int, limit: int) -> list[NumberedEvent]:
        return [event for event in self.events if event.number > after][:limit]

    async def list_of(self, recipient: str, after: int, up_to: int, limit: int) -> list[NumberedEvent]:
        return [event for event in self.events if after < event.number <= up_to and event.event.recipient == recipient][
            :limit
        ]


async def _read(stream: EventStream) -> list[int]:
    """Everything that is there."""
    told = [missed.number async for missed in stream.missed()]
    while (event := await stream.next(0)) is not None:
        told.append(event.number)
    return told


@settings(max_examples=examples(30))
@given(
    before=st.lists(st.sampled_from("ab"), max_size=8),
    read=st.integers(0, 8),
    while_away=st.lists(st.sampled_from("ab"), max_size=8),
    unread=st.lists(st.sampled_from("ab"), max_size=8),
    live=st.lists(st.sampled_from("ab"), max_size=8),
)
def test_whenever_one_begins_to_listen_nothing_is_left_out_and_nothing_told_twice(
    before: list[str], read: int, while_away: list[str], unread: list[str], live: list[str]
) -> None:
    async def scenario() -> None:
        shelf = Shelf()
        feed = EventFeed(shelf)
        shelf.add(*before)
        await feed.begin()
        after = min(read, len(before))
        shelf.add(*while_away)
        await feed.catch_up(NOW)
        shelf.add(*unread)  # numbered, and not read by this process yet
        with feed.listen("a", after) as stream:
            shelf.add(*live)
            await feed.catch_up(NOW)
            told = await _read(stream)
        expected = [e.number for e in shelf.events if e.event.recipient == "a" and e.number > after]
        assert told == expected
        assert feed.listeners == 0

    asyncio.run(scenario())


async def test_one_who_was_told_more_by_another_process_is_not_told_again() -> None:
    shelf = Shelf()
    feed = EventFeed(shelf)
    shelf.add("a", "a", "a")
    with feed.listen("a", 2) as stream:  # this process has read nothing yet
        await feed.catch_up(NOW)
        assert await _read(stream) == [3]


@pytest.mark.parametrize(("after", "is_reset"), [(-1, True), (1, True), (2, False), (3, False), (4, False), (5, True)])
async def test_what_is_forgotten_or_was_never_given_is_a_reset(after: int, is_reset: bool) -> None:
    shelf = Shelf()
    feed = EventFeed(shelf)
    shelf.add("a", "b", "a", "a")
    shelf.forgotten = 2
    await feed.begin()
    with feed.listen("a", after) as stream:
        missed = [event async for event in stream.missed()]
        assert (missed == [Missed(4)]) == is_reset
        shelf.add("a")
        await feed.catch_up(NOW)
        event = await stream.next(0)
        assert event is not None
        assert event.number == 5


async def test_one_who_does_not_read_is_let_go_after_what_there_is_room_for() -> None:
    shelf = Shelf()
    feed = EventFeed(shelf, most_unread=3)
    with feed.listen("a", None) as stream:
        shelf.add(*"aaaaa")
        await feed.catch_up(NOW)
        assert [event.number for event in [stream.take(), stream.take()] if event is not None] == [1, 2]
        shelf.add("a")
        await feed.catch_up(NOW)  # there is room again, but 4 was left out: what follows must not be told
        assert (event := stream.take()) is not None
        assert event.number == 3
        with pytest.raises(ListenerTooSlow):
            stream.take()


async def test_the_end_of_the_service_ends_a_wait() -> None:
    feed = EventFeed(Shelf())
    with feed.listen("a", None) as stream:
        waiting = asyncio.create_task(stream.next(60))
        await asyncio.sleep(0)
        stream.end()
        with pytest.raises(StreamEnded):
            await waiting


async def test_those_who_deliver_are_woken_by_news_and_by_nothing_else() -> None:
    shelf = Shelf()
    feed = EventFeed(shelf)
    woken: list[int] = []
    feed.on_news(lambda: woken.append(1))
    await feed.catch_up(NOW)
    assert woken == []
    shelf.waiting = 1
    await feed.catch_up(NOW)
    shelf.add("a")
    await feed.catch_up(NOW)
    assert woken == [1, 1]
