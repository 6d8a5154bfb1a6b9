"""API keys: made once, recognised quickly, refused soon after they are revoked."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from matcher.domain.errors.tree import ApiKeyNotFound, DatabaseUnavailable, InvalidField, Unauthenticated
from matcher.domain.principal import Principal, Role
from matcher.people.credentials.api_keys import ApiKeys
from matcher.people.credentials.authenticate import Authenticate
from matcher.people.credentials.manage_keys import ManageKeys
from tests.fakes import KeysInMemory
from tests.world import NOW

PEPPER = b"p" * 32


@pytest.fixture
def stored() -> KeysInMemory:
    return KeysInMemory()


@pytest.fixture
def manage(stored: KeysInMemory) -> ManageKeys:
    return ManageKeys(stored, ApiKeys(PEPPER))


@pytest.mark.parametrize("user", ["bo\u202ess", "bo\u200bss", "\u3164", "boss\u00a0", "bo\nss", " boss"])
async def test_a_user_has_no_invisible_characters(manage: ManageKeys, stored: KeysInMemory, user: str) -> None:
    with pytest.raises(InvalidField, match="no invisible ones"):
        await manage.create(user, Role.RIDER, NOW, None)
    assert await stored.list_keys() == []


async def test_a_user_has_one_spelling(manage: ManageKeys) -> None:
    _, key = await manage.create("Rene\u0301", Role.RIDER, NOW, None)
    assert key.user == "Ren\u00e9"


@pytest.mark.parametrize("user", ["t", "t:", "t:boss"])
async def test_no_key_is_for_a_name_that_tokens_have(stored: KeysInMemory, user: str) -> None:
    manage = ManageKeys(stored, ApiKeys(PEPPER), token_prefix="t:")
    with pytest.raises(InvalidField, match="signed tokens"):
        await manage.create(user, Role.RIDER, NOW, None)
    await manage.create("tom", Role.RIDER, NOW, None)


@pytest.fixture
def authenticate(stored: KeysInMemory) -> Authenticate:
    return Authenticate(stored, ApiKeys(PEPPER), remember_for=timedelta(seconds=5))


async def test_a_key_names_its_user_and_role(manage: ManageKeys, authenticate: Authenticate) -> None:
    token, key = await manage.create("alice", Role.DRIVER, NOW, None)
    assert token.startswith(f"ck_{key.id}_")
    assert await authenticate(token, NOW) == Principal(user="alice", role=Role.DRIVER, key_id=key.id)


async def test_nothing_stored_reveals_the_token(manage: ManageKeys, stored: KeysInMemory) -> None:
    token, key = await manage.create("alice", Role.DRIVER, NOW, None)
    assert token.split("_", 2)[2] not in repr(stored.stored[key.id])
    assert ApiKeys(b"q" * 32).digest(token) != key.digest


async def test_while_the_pepper_is_changed_keys_under_both_are_let_in(stored: KeysInMemory) -> None:
    new_pepper = b"n" * 32
    before = ManageKeys(stored, ApiKeys(PEPPER))
    after = ManageKeys(stored, ApiKeys(new_pepper, [PEPPER]))
    old_token, _ = await before.create("alice", Role.DRIVER, NOW, None)
    new_token, new_key = await after.create("bob", Role.RIDER, NOW, None)
    assert ApiKeys(new_pepper).matches(new_token, new_key), "new keys are under the new pepper alone"
    both = Authenticate(stored, ApiKeys(new_pepper, [PEPPER]), remember_for=timedelta(seconds=5))
    assert {(await both(token, NOW)).user for token in (old_token, new_token)} == {"alice", "bob"}
    done = Authenticate(stored, ApiKeys(new_pepper), remember_for=timedelta(seconds=5))
    assert (await done(new_token, NOW)).user == "bob"
    with pytest.raises(Unauthenticated):
        await done(old_token, NOW)


def test_a_short_other_pepper_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ApiKeys(PEPPER, [b"short"])


async def test_everything_else_is_refused_with_the_same_words(
    manage: ManageKeys, authenticate: Authenticate, stored: KeysInMemory
) -> None:
    token, key = await manage.create("alice", Role.DRIVER, NOW, None)
    other, _ = await manage.create("bob", Role.RIDER, NOW, timedelta(hours=1))
    wrong_secret = token[:-1] + ("A" if token[-1] != "A" else "B")
    swapped = f"ck_{key.id}_{other.split('_', 2)[2]}"
    unknown, _ = ApiKeys(PEPPER).make("eve", Role.ADMIN, NOW, None)
    details = set()
    for bad in (wrong_secret, swapped, unknown, "", "ck_", "ck_x_y", token + " ", token.upper(), "é" * 64):
        with pytest.raises(Unauthenticated) as refused:
            await authenticate(bad, NOW)
        details.add(refused.value.detail)
    with pytest.raises(Unauthenticated) as expired:
        await authenticate(other, NOW + timedelta(hours=1))
    assert details == {expired.value.detail}
    with pytest.raises(Unauthenticated, match="Bearer"):
        await authenticate(None, NOW)


async def test_a_key_is_looked_up_once_in_a_while_and_refused_soon_after_it_is_revoked(
    manage: ManageKeys, authenticate: Authenticate, stored: KeysInMemory
) -> None:
    token, key = await manage.create("alice", Role.DRIVER, NOW, None)
    for second in range(5):
        await authenticate(token, NOW + timedelta(seconds=second))
    assert stored.looked_up == 1
    await manage.revoke(key.id, NOW + timedelta(seconds=4))
    with pytest.raises(Unauthenticated):
        await authenticate(token, NOW + timedelta(seconds=5))
    assert stored.looked_up == 2


async def test_hammering_with_an_unknown_key_costs_one_look_up(
    authenticate: Authenticate, stored: KeysInMemory
) -> None:
    unknown, _ = ApiKeys(PEPPER).make("eve", Role.ADMIN, NOW, None)
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await authenticate(unknown, NOW)
    assert stored.looked_up == 1


async def test_use_is_noted_at_most_once_a_minute(
    manage: ManageKeys, authenticate: Authenticate, stored: KeysInMemory
) -> None:
    token, key = await manage.create("alice", Role.DRIVER, NOW, None)
    for second, noted in ((0, 0), (59, 0), (61, 61)):
        await authenticate(token, NOW + timedelta(seconds=second))
        await authenticate.drain()
        assert stored.stored[key.id].last_used_at == NOW + timedelta(seconds=noted)


async def test_a_database_that_is_away_is_said_so_and_a_remembered_key_still_works(
    manage: ManageKeys, authenticate: Authenticate, stored: KeysInMemory
) -> None:
    token, _ = await manage.create("alice", Role.DRIVER, NOW, None)
    await authenticate(token, NOW)
    stored.away = True
    assert (await authenticate(token, NOW + timedelta(seconds=4))).user == "alice"
    with pytest.raises(DatabaseUnavailable):
        await authenticate(token, NOW + timedelta(seconds=5))
    await authenticate.drain()


@pytest.mark.parametrize("user", ["", " alice", "a\nb", "x" * 101])
async def test_a_user_has_a_name_that_can_be_read(manage: ManageKeys, user: str) -> None:
    with pytest.raises(InvalidField):
        await manage.create(user, Role.DRIVER, NOW, None)


async def test_a_key_lives_for_some_time(manage: ManageKeys) -> None:
    with pytest.raises(InvalidField):
        await manage.create("alice", Role.DRIVER, NOW, timedelta())


async def test_keys_are_listed_and_unknown_ones_cannot_be_revoked(manage: ManageKeys) -> None:
    _, first = await manage.create("alice", Role.DRIVER, NOW, None)
    _, second = await manage.create("bob", Role.RIDER, NOW + timedelta(seconds=1), None)
    assert [key.id for key in await manage.list_keys()] == [first.id, second.id]
    with pytest.raises(ApiKeyNotFound):
        await manage.revoke("0" * 16, NOW)


def test_a_key_that_expires_says_when() -> None:
    _, key = ApiKeys(PEPPER).make("alice", Role.DRIVER, NOW, NOW + timedelta(days=1))
    assert key.is_usable(NOW)
    assert not key.is_usable(NOW + timedelta(days=1))
    assert not dataclasses.replace(key, revoked_at=NOW).is_usable(NOW)
