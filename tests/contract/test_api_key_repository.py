"""What `ApiKeyRepository` promises, kept by PostgreSQL and by the one in memory that use cases are tested with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from matcher.domain.errors.tree import ApiKeyNotFound, Conflict
from matcher.domain.principal import ApiKey, Role
from matcher.people.credentials.authenticate import ApiKeyRepository
from matcher.people.credentials.store import PostgresApiKeys
from matcher.postgres.pool import Connections
from tests.fakes import KeysInMemory

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
KEY = ApiKey(id="k1", digest=bytes(range(32)), role=Role.DRIVER, user="alice", created_at=NOW)


@pytest.fixture(params=["memory", "postgres"])
def keys(request: pytest.FixtureRequest) -> ApiKeyRepository:
    if request.param == "memory":
        return KeysInMemory()
    connections: Connections = request.getfixturevalue("db")
    return PostgresApiKeys(connections)


async def test_a_key_comes_back_as_it_was_stored(keys: ApiKeyRepository) -> None:
    assert await keys.find("k1") is None
    await keys.insert(KEY)
    full = replace(KEY, id="k2", role=Role.ADMIN, expires_at=NOW, revoked_at=NOW, last_used_at=NOW)
    await keys.insert(full)
    assert await keys.find("k1") == KEY
    assert await keys.find("k2") == full


async def test_an_id_is_given_once(keys: ApiKeyRepository) -> None:
    await keys.insert(KEY)
    with pytest.raises(Conflict):
        await keys.insert(replace(KEY, user="mallory"))
    assert await keys.find("k1") == KEY


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_can_be_stored(keys: ApiKeyRepository, role: Role) -> None:
    await keys.insert(replace(KEY, role=role))
    found = await keys.find("k1")
    assert found is not None
    assert found.role is role


async def test_keys_are_listed_oldest_first(keys: ApiKeyRepository) -> None:
    older = replace(KEY, id="z", created_at=NOW - timedelta(days=1))
    await keys.insert(KEY)
    await keys.insert(older)
    assert await keys.list_keys() == [older, KEY]


async def test_revoking_twice_keeps_the_first_moment(keys: ApiKeyRepository) -> None:
    await keys.insert(KEY)
    await keys.revoke("k1", NOW)
    await keys.revoke("k1", NOW + timedelta(hours=1))
    found = await keys.find("k1")
    assert found is not None
    assert found.revoked_at == NOW
    with pytest.raises(ApiKeyNotFound):
        await keys.revoke("unknown", NOW)


async def test_use_is_noted_at_most_once_a_minute(keys: ApiKeyRepository) -> None:
    await keys.insert(KEY)

    async def last_used_after(moment: datetime) -> datetime | None:
        await keys.touch("k1", moment)
        found = await keys.find("k1")
        assert found is not None
        return found.last_used_at

    assert await last_used_after(NOW) == NOW
    assert await last_used_after(NOW + timedelta(seconds=59)) == NOW
    assert await last_used_after(NOW + timedelta(seconds=61)) == NOW + timedelta(seconds=61)
    await keys.touch("unknown", NOW)
