"""What PostgreSQL refuses, in the domain's words."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest

from matcher.domain.errors.tree import Conflict, InvalidField, SeatsExhausted
from matcher.domain.idempotency import IdempotencyRequest, KeptAnswer, StoredAnswer
from matcher.domain.principal import ApiKey, Role
from matcher.people.credentials.store import PostgresApiKeys
from matcher.postgres.pool import Connections
from matcher.trips.offers.store import PostgresOffers
from tests.contract.stored_offers import NOW, a_stored_offer


async def test_an_id_that_is_taken_is_a_conflict(db: Connections) -> None:
    offer = a_stored_offer()
    await PostgresOffers(db).insert(offer)
    with pytest.raises(Conflict, match="exists already"):
        await PostgresOffers(db).insert(offer)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"comment": "x" * 501}, "/comment"),
        ({"comment": "nul \x00"}, None),
        ({"comment": "half a pair \ud800"}, None),
        ({"preferences": {"a\x00b": True}}, None),
        ({"driver_id": ""}, None),
        ({"via": (a_stored_offer().origin,) * 21}, "/via"),
        ({"max_detour_s": 2**31}, None),
        ({"length_cm": 2**63}, None),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_value_that_cannot_be_stored_is_invalid(
    db: Connections, change: dict[str, object], pointer: str | None
) -> None:
    with pytest.raises(InvalidField) as refusal:
        await PostgresOffers(db).insert(a_stored_offer(**change))
    assert [fault.pointer for fault in refusal.value.faults] == ([] if pointer is None else [pointer])


async def test_more_seats_than_there_are_cannot_be_taken(db: Connections) -> None:
    offers, offer = PostgresOffers(db), a_stored_offer()
    await offers.insert(offer)
    with pytest.raises(SeatsExhausted):
        await offers.update(replace(offer, version=2, seats_left=-1), expected_version=1)


async def test_a_key_that_is_too_long_is_invalid(db: Connections) -> None:
    call = IdempotencyRequest("alice", "k" * 256, b"")
    with pytest.raises(InvalidField, match="Idempotency-Key"):
        await PostgresOffers(db).insert(a_stored_offer(), KeptAnswer(call, StoredAnswer(201, {}, b"")))


async def test_our_own_mistakes_are_not_dressed_up_as_the_callers(db: Connections) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await PostgresApiKeys(db).insert(ApiKey("k", b"short", Role.RIDER, "alice", NOW))
    with pytest.raises(asyncpg.UndefinedTableError):
        async with db.connection() as connection:
            await connection.execute("SELECT 1 FROM nowhere")
