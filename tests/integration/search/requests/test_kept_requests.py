"""Kept requests on a real database: who waits until when, and which changes are matched in which turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from matcher.domain.errors.requests import RequestNotFound, TooManyKeptRequests
from matcher.domain.match import MatchRequest, TimeWindow, WindowKind
from matcher.postgres.pool import Database
from matcher.search.requests.kept_request import KeptRequest
from matcher.search.requests.store import NOTHING_SEEN, FoundPair, PostgresRequests
from matcher.trips.offers.store import PostgresOffers
from tests.contract.stored_offers import NOW, a_place, a_stored_offer

REGION = "coquimbo"
HOUR = timedelta(hours=1)


def a_kept(rider: str = "rita", *, begins: datetime = NOW, **changes: Any) -> KeptRequest:
    """A request whose window is the hour from some moment on."""
    request = MatchRequest(
        rider_id=rider, origin=a_place("From"), destination=a_place("To", lat=-29.9, lon=-71.25),
        window=TimeWindow(begins, begins + HOUR), window_kind=WindowKind.DEPARTURE, seats=1, max_walk_m=0, limit=10,
        preferences={},
    )  # fmt: skip
    return KeptRequest(uuid4(), REGION, "f1", replace(request, **changes), NOW)


@pytest.fixture
def requests(database: Database) -> PostgresRequests:
    return PostgresRequests(database)


async def keep(requests: PostgresRequests, *kept: KeptRequest, searched: str = NOTHING_SEEN, most: int = 20) -> None:
    for one in kept:
        await requests.insert(one, searched=searched, shown=(), most=most)


async def publish(database: Database, count: int) -> list[UUID]:
    """Offers, each in a transaction of its own, in that order."""
    offers = [a_stored_offer() for _ in range(count)]
    for offer in offers:
        await PostgresOffers(database).insert(offer)
    return [offer.id for offer in offers]


async def test_a_request_waits_until_its_window_ends_and_is_forgotten_after_its_time(
    requests: PostgresRequests,
) -> None:
    soon, late = a_kept(), a_kept(begins=NOW + 3 * HOUR)
    await keep(requests, soon, late)
    for now, there in ((NOW + HOUR, {soon.id, late.id}), (NOW + HOUR + timedelta(seconds=1), {late.id})):
        waiting, _ = await requests.waiting(REGION, None, now)
        assert {one.id for one in waiting} == there
        assert (await requests.present([soon.id, late.id], now)).keys() == there
        async with requests.turn(REGION) as turn:
            assert turn is not None
            assert {one for one, _ in await turn.unsettled(now, 10)} == there
    assert await requests.forget_requests(NOW + HOUR) == 0
    assert await requests.forget_requests(NOW + 2 * HOUR) == 1
    with pytest.raises(RequestNotFound):
        await requests.get(soon.id)
    assert (await requests.get(late.id)).request == late.request


async def test_only_what_waits_counts_against_the_limit(requests: PostgresRequests) -> None:
    await keep(requests, a_kept(begins=NOW - 3 * HOUR), a_kept(), a_kept("rolf"), most=2)
    await keep(requests, a_kept(), most=2)
    with pytest.raises(TooManyKeptRequests):
        await keep(requests, a_kept(), most=2)


async def test_pages_of_ones_own(requests: PostgresRequests) -> None:
    kept = sorted((a_kept() for _ in range(5)), key=lambda one: one.id)
    await keep(requests, *kept, a_kept("rolf"))
    found: list[KeptRequest] = []
    after = None
    for size in (2, 2, 1):
        page = await requests.list_page("rita", 2, after)
        assert len(page.items) == size
        found += page.items
        after = page.next_cursor
    assert after is None
    assert [one.id for one in found] == [one.id for one in kept]


async def test_what_is_new_comes_to_each_reader_once(requests: PostgresRequests) -> None:
    first, second = a_kept(), a_kept()
    await keep(requests, first)
    found, seen = await requests.waiting(REGION, None, NOW)
    assert [one.id for one in found] == [first.id]
    await keep(requests, second)
    found, seen = await requests.waiting(REGION, seen, NOW)
    assert [one.id for one in found] == [second.id]
    assert (await requests.waiting(REGION, seen, NOW))[0] == []
    assert (await requests.waiting("elsewhere", None, NOW))[0] == []


async def test_many_changes_are_matched_in_several_turns_in_their_order(
    requests: PostgresRequests, database: Database
) -> None:
    ids = await publish(database, 5)
    seen = NOTHING_SEEN
    taken: list[UUID] = []
    for size, more in ((2, True), (2, True), (1, False)):
        async with requests.turn(REGION) as turn:
            assert turn is not None
            changed = await turn.changed(seen, 2)
            assert (len(changed.offer_ids), changed.more, changed.missed) == (size, more, False)
            await turn.note_progress(changed.seen)
            taken += changed.offer_ids
        async with requests.turn(REGION) as turn:
            assert turn is not None
            noted = await turn.progress()
            assert noted == changed.seen
            seen = noted
    assert len(taken) == len(ids)
    assert set(taken[:2]) == set(ids[:2])
    assert set(taken[2:4]) == set(ids[2:4])
    async with requests.turn(REGION) as turn:
        assert turn is not None
        assert (await turn.changed(seen, 2)).offer_ids == ()


async def test_no_part_ends_behind_a_transaction_that_is_under_way(
    requests: PostgresRequests, database: Database, fresh_database: str
) -> None:
    """Its changes would come before the end of the part, and be taken for seen."""
    first = await publish(database, 1)
    (slow,) = await publish(database, 1)
    connection = await asyncpg.connect(fresh_database)
    try:
        under_way = connection.transaction()
        await under_way.start()
        await connection.execute("UPDATE offers SET version = version + 1 WHERE id = $1", slow)
        async with requests.turn(REGION) as turn:
            assert turn is not None
            seen = (await turn.changed(NOTHING_SEEN)).seen
        later = await publish(database, 4)
        async with requests.turn(REGION) as turn:
            assert turn is not None
            whole = await turn.changed(seen, 2)
            assert (set(whole.offer_ids), whole.more) == (set(later), False), "all at once, as there is no place to end"
            part = await turn.changed(NOTHING_SEEN, 1)
            assert (list(part.offer_ids), part.more) == (first, True), "what ended before it may be a part"
        await under_way.commit()
        async with requests.turn(REGION) as turn:
            assert turn is not None
            assert (await turn.changed(whole.seen, 2)).offer_ids == (slow,)
            rest = await turn.changed(part.seen)
            assert set(rest.offer_ids) == {slow, *later}
    finally:
        await connection.close()


async def test_one_process_at_a_time_has_the_turn_of_a_region(requests: PostgresRequests) -> None:
    async with requests.turn(REGION) as turn:
        assert turn is not None
        async with requests.turn(REGION) as other, requests.turn("elsewhere") as elsewhere:
            assert other is None
            assert elsewhere is not None
    async with requests.turn(REGION) as again:
        assert again is not None


async def test_only_what_is_still_true_is_told_and_once(requests: PostgresRequests, database: Database) -> None:
    offer, gone, changed, own = a_stored_offer(), a_stored_offer(), a_stored_offer(), a_stored_offer(driver_id="rita")
    offers = PostgresOffers(database)
    for one in (offer, gone, changed, own):
        await offers.insert(one)
    await offers.update(replace(changed, version=2), expected_version=1)
    kept, over = a_kept(), a_kept(begins=NOW - 3 * HOUR)
    await keep(requests, kept, over)
    pairs = [FoundPair(kept.id, one.id, 1) for one in (offer, changed, own)]
    pairs += [FoundPair(over.id, offer.id, 1), FoundPair(uuid4(), offer.id, 1)]
    riders = dict.fromkeys((pair.request_id for pair in pairs), "rita")
    for told in (1, 0):
        async with requests.turn(REGION) as turn:
            assert turn is not None
            assert await turn.tell(pairs, riders, NOW) == told
            assert await turn.known([offer.id, changed.id]) == {offer.id: {kept.id}}
    assert [found.offer_id for found in await requests.found(kept.id, 10)] == [offer.id]
    async with requests.turn(REGION) as turn:
        assert turn is not None
        assert await turn.unsettle(NOW) == 1
        assert await turn.unsettled(NOW, 10) == [(kept.id, None)]
        await turn.settle([kept.id])
        assert await turn.unsettled(NOW, 10) == []
