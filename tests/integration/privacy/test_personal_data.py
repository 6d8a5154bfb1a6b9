"""No table that names a person is forgotten when somebody is exported or erased; and what is past its time goes by
itself.
"""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from matcher.domain.errors.tree import StrongerKeyHeld, TripsStillOpen
from matcher.domain.offer import OfferStatus
from matcher.domain.principal import ApiKey, Principal, Role
from matcher.people.credentials.api_keys import ApiKeys
from matcher.people.credentials.store import PostgresApiKeys
from matcher.privacy.store import HELD, PostgresPersonalData
from matcher.trips.offers.store import PostgresOffers
from tests.conftest import OneTransaction
from tests.contract.stored_offers import a_stored_offer
from tests.world import NOW

#: What a column that names a person is called, in whichever table.
_PERSON = re.compile(
    r"(^|_)(user|driver|rider|owner|recipient|blocker|blocked|person|passenger|member|author|sender|subject|principal)(_id|_name|s)?$|^also_for$"
)
#: Columns that sound like it and name nobody.
_NOBODY = {("offers", "driver_is_woman")}


async def test_every_column_that_names_a_person_is_covered(db: OneTransaction) -> None:
    columns = await db.only.fetch(
        """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND (data_type = 'text' OR udt_name = '_text')
        """
    )
    named = {(row["table_name"], row["column_name"]) for row in columns if _PERSON.search(row["column_name"])}
    covered = {column for held in HELD for column in held.columns}
    assert len(named) > 8
    assert named - _NOBODY == covered, "add what is missing to HELD in matcher/privacy/store.py"


async def test_a_trip_that_is_open_is_cancelled_before_its_driver_is_erased(db: OneTransaction) -> None:
    offers, data = PostgresOffers(db), PostgresPersonalData(db)
    await offers.insert(a_stored_offer(driver_id="dana"))
    with pytest.raises(TripsStillOpen):
        await data.erase("dana", "erased:x", uuid4(), NOW, {*Role})


async def test_a_key_that_may_do_more_than_the_caller_is_never_erased(db: OneTransaction) -> None:
    """A token or key of a rider does not take an administrator's key, nor anything else of that user, away."""
    keys, data = PostgresApiKeys(db), PostgresPersonalData(db)
    rider = Principal("boss", Role.RIDER, "jwt")
    made = {}
    for role in (Role.RIDER, Role.DRIVER, Role.OPS, Role.PARTNER, Role.ADMIN):
        _, made[role] = ApiKeys(b"p" * 32).make("boss", role, NOW, None)
        await keys.insert(made[role])
    for role in (Role.OPS, Role.PARTNER, Role.ADMIN):
        with pytest.raises(StrongerKeyHeld):
            await data.require_erasable("boss", rider.erasable, NOW)
        with pytest.raises(StrongerKeyHeld):
            await data.erase("boss", "erased:x", uuid4(), NOW, rider.erasable)
        assert {key.id for key in await keys.list_keys() if key.user == "boss"} == {key.id for key in made.values()}
        await keys.revoke(made[role].id, NOW)
    await data.require_erasable("boss", rider.erasable, NOW)
    await data.erase("boss", "erased:x", uuid4(), NOW, rider.erasable)
    assert [key for key in await keys.list_keys() if key.user == "boss"] == []


async def test_trips_are_forgotten_after_their_time(db: OneTransaction) -> None:
    offers, data = PostgresOffers(db), PostgresPersonalData(db)
    old = a_stored_offer(status=OfferStatus.CANCELLED, departure=NOW - timedelta(days=30))
    open_still = a_stored_offer(departure=NOW - timedelta(days=30))
    for offer in (old, open_still):
        await offers.insert(offer)
    late = max(old.updated_at, old.latest_arrival)
    assert await data.forget_offers(late) == 0
    assert await data.forget_offers(late + timedelta(seconds=1)) == 1
    assert {offer.id for offer in await offers.get_many([old.id, open_still.id])} == {open_still.id}


async def test_dead_keys_are_forgotten_after_their_time(db: OneTransaction) -> None:
    keys, data = PostgresApiKeys(db), PostgresPersonalData(db)
    made: list[ApiKey] = []
    for expires_at in (None, NOW, NOW + timedelta(days=1)):
        _, key = ApiKeys(b"p" * 32).make("kim", Role.RIDER, NOW, expires_at)
        await keys.insert(key)
        made.append(key)
    await keys.revoke(made[2].id, NOW)
    assert await data.forget_keys(NOW) == 0
    assert await data.forget_keys(NOW + timedelta(seconds=1)) == 2
    assert [key.id for key in await keys.list_keys() if key.user == "kim"] == [made[0].id]


async def test_words_of_a_name_are_taken_out_of_others_events(db: OneTransaction) -> None:
    await _event(db.only, "other", '{"driver_id": "nora", "offer_id": "x", "n": 1}')
    await _event(db.only, "nora", '{"rider_id": "other"}')
    await PostgresPersonalData(db).erase("nora", "erased:x", uuid4(), NOW, {*Role})
    rows = await db.only.fetch("SELECT recipient, data FROM events WHERE recipient IN ('other', 'nora')")
    assert [tuple(row) for row in rows] == [("other", {"driver_id": None, "offer_id": "x", "n": 1})]


async def _event(connection: asyncpg.Connection[asyncpg.Record], recipient: str, data: str) -> None:
    await connection.execute(
        "INSERT INTO events (recipient, kind, trip_id, data, created_at) "
        "VALUES ($1, 'trip_changed', $2, $3::text::jsonb, $4)",
        recipient,
        uuid4(),
        data,
        NOW,
    )
