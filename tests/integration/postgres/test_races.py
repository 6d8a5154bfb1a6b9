"""Several connections at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from matcher.domain.errors.tree import Conflict, StaleVersion
from matcher.domain.idempotency import AnsweredBefore, IdempotencyRequest, KeptAnswer, StoredAnswer
from matcher.domain.offer import Offer, OfferStatus
from matcher.postgres.idempotency import forget_answers
from matcher.postgres.pool import Database
from matcher.trips.bookings.repository import TripChange
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.offers import columns as load_offers
from matcher.trips.offers.store import PostgresOffers
from tests.builders_bookings import a_booking
from tests.contract.stored_offers import NOW, a_stored_offer

CALL = IdempotencyRequest("alice", "key-1", b"body")


def _answer(offer: Offer) -> StoredAnswer:
    return StoredAnswer(201, {"Location": f"/v1/offers/{offer.id}"}, str(offer.id).encode())


def _kept(offer: Offer) -> KeptAnswer:
    return KeptAnswer(CALL, _answer(offer))


async def _stored(offers: PostgresOffers) -> list[Offer]:
    async with offers.open_offers("coquimbo", "") as stored:
        return [offer async for chunk in stored.others() for offer in chunk]


async def test_of_many_calls_with_one_key_one_stores_and_all_get_its_answer(database: Database) -> None:
    offers = PostgresOffers(database)
    tries = [a_stored_offer() for _ in range(16)]
    ends = await asyncio.gather(*(offers.insert(offer, _kept(offer)) for offer in tries), return_exceptions=True)
    [winner] = await _stored(offers)
    answers = {o.id: end.answer if isinstance(end, AnsweredBefore) else end for o, end in zip(tries, ends, strict=True)}
    assert answers == {offer.id: None if offer == winner else _answer(winner) for offer in tries}


async def test_an_offer_that_cannot_be_stored_leaves_no_answer_behind(database: Database) -> None:
    offers, offer = PostgresOffers(database), a_stored_offer()
    await offers.insert(offer)
    with pytest.raises(Conflict):
        await offers.insert(offer, _kept(offer))
    assert await offers.find_answer(CALL) is None


async def test_a_call_waits_for_one_with_its_key_and_goes_ahead_when_that_one_fails(database: Database) -> None:
    offers, mine = PostgresOffers(database), a_stored_offer()
    taken = a_stored_offer()
    await offers.insert(taken)
    failing = offers.insert(taken, _kept(taken))
    ends = await asyncio.gather(failing, offers.insert(mine, _kept(mine)), return_exceptions=True)
    assert isinstance(ends[0], Conflict) or (isinstance(ends[0], AnsweredBefore) and ends[0].answer == _answer(mine))
    assert ends[1] is None
    assert await offers.find_answer(CALL) == _answer(mine)


async def test_of_many_changes_of_one_version_one_wins(database: Database) -> None:
    offers, offer = PostgresOffers(database), a_stored_offer()
    await offers.insert(offer)
    changes = [replace(offer, version=2, comment=str(n)) for n in range(16)]
    ends = await asyncio.gather(
        *(offers.update(change, expected_version=1) for change in changes), return_exceptions=True
    )
    assert Counter(type(end) for end in ends) == {type(None): 1, StaleVersion: 15}
    assert await offers.get(offer.id) == changes[ends.index(None)]


async def test_a_cancellation_and_the_clock_never_both_end_an_offer(database: Database) -> None:
    offers = PostgresOffers(database)
    over = [a_stored_offer() for _ in range(20)]
    for offer in over:
        await offers.insert(offer)
    just_after = over[0].latest_arrival + timedelta(seconds=1)
    cancelled = [replace(offer, version=2, status=OfferStatus.CANCELLED) for offer in over]
    ends = await asyncio.gather(
        offers.mark_past(just_after),
        *(offers.update(change, expected_version=1) for change in cancelled),
        return_exceptions=True,
    )
    past = set(ends[0]) if isinstance(ends[0], list) else set()
    for offer, end in zip(over, ends[1:], strict=True):
        state = await offers.get(offer.id)
        assert state.version == 2
        assert (state.status is OfferStatus.PAST) == (offer.id in past) == isinstance(end, StaleVersion)


async def test_the_stream_sees_one_moment_however_many_chunks_it_takes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_offers, "_STREAM_CHUNK", 2)
    offers = PostgresOffers(database)
    before = [a_stored_offer() for _ in range(7)]
    for offer in before:
        await offers.insert(offer)
    seen: list[Offer] = []
    sizes: list[int] = []
    async with offers.open_offers("coquimbo", "") as stored:
        async for chunk in stored.others():
            if not seen:
                for offer in before:
                    await offers.update(replace(offer, version=2, status=OfferStatus.CANCELLED), expected_version=1)
                await offers.insert(a_stored_offer())
            seen += chunk
            sizes.append(len(chunk))
    assert {offer.id for offer in seen} == {offer.id for offer in before}
    assert all(offer.version == 1 for offer in seen)
    assert sizes == [2, 2, 2, 1]


async def test_old_answers_are_forgotten_and_their_keys_free_again(database: Database) -> None:
    offers, offer = PostgresOffers(database), a_stored_offer()
    await offers.insert(offer, _kept(offer))
    assert await offers.forget_answers(NOW) == 0
    assert await offers.forget_answers(NOW + timedelta(seconds=1)) == 1
    assert await offers.find_answer(CALL) is None
    again = a_stored_offer()
    await offers.insert(again, _kept(again))
    assert await offers.get(again.id) == again


async def test_a_request_for_a_seat_stands_on_the_version_that_it_was_decided_on(database: Database) -> None:
    """It writes nothing of the trip, and is not written beside a change that it has not seen."""
    offers, trips, offer = PostgresOffers(database), PostgresTrips(database), a_stored_offer()
    await offers.insert(offer)
    await offers.update(
        replace(offer, version=offer.version + 1, seats_offered=1, seats_left=1), expected_version=offer.version
    )
    asked = a_booking(offer_id=offer.id, due_at=NOW + timedelta(hours=1))
    with pytest.raises(StaleVersion):
        await trips.commit(TripChange(offer, offer.version, NOW, new=asked))
    assert await trips.list_open(offer.id) == []
    present = await offers.get(offer.id)
    await trips.commit(TripChange(present, present.version, NOW, new=asked))
    assert [booking.id for booking in await trips.list_open(offer.id)] == [asked.id]


async def test_answers_that_piled_up_are_forgotten_a_few_in_a_statement(database: Database) -> None:
    offers = PostgresOffers(database)
    for number in range(5):
        call = replace(CALL, key=f"key-{number}")
        offer = a_stored_offer()
        await offers.insert(offer, KeptAnswer(call, _answer(offer)))
    async with database.connection() as connection:
        assert await forget_answers(connection, NOW + timedelta(seconds=1), 2) == 2
    assert await offers.forget_answers(NOW + timedelta(seconds=1), at_once=2) == 3
