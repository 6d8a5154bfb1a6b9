"""Wires credentials, what people share and whom they block, and what is kept about them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from matcher.people.block_store import PostgresBlocks
from matcher.people.blocks import ManageBlocks
from matcher.people.credentials.api_keys import ApiKeys
from matcher.people.credentials.authenticate import Authenticate
from matcher.people.credentials.key_set import KeySet, key_file, key_url
from matcher.people.credentials.manage_keys import ManageKeys, is_within
from matcher.people.credentials.store import PostgresApiKeys
from matcher.people.credentials.tokens import JsonWebTokens, TokenRules
from matcher.people.profile import ShareGender
from matcher.people.store import PostgresPeople
from matcher.privacy.personal_data import EraseMe
from matcher.privacy.store import PostgresPersonalData
from matcher.settings.base import PREFIX, SettingsInvalid
from matcher.settings.people import TokenSettings
from matcher.trips.bookings.part import PartPeople
from matcher.trips.bookings.store import PostgresTrips
from matcher.wiring.ground import Ground


@dataclass(frozen=True)
class People:
    """What callers may do about their own data."""

    share_gender: ShareGender
    manage_blocks: ManageBlocks
    export_me: Callable[[str], AsyncGenerator[tuple[str, Any], None]]
    erase_me: EraseMe


async def make_credentials(ground: Ground, stack: AsyncExitStack) -> tuple[Authenticate, ManageKeys]:
    """API keys and signed tokens; what they hold open is closed with the stack. Raises SettingsInvalid."""
    pepper, settings = ground.secrets.key_pepper, ground.settings
    api_keys = ApiKeys(pepper.own, pepper.others)
    issuer_keys = make_key_set(settings.tokens)
    store, prefix = ground.get(PostgresApiKeys), settings.tokens.jwt_user_prefix
    if issuer_keys is not None:
        await require_apart(store, prefix, ground.clock())
        stack.push_async_callback(issuer_keys.close)
    authenticate = Authenticate(
        store,
        api_keys,
        remember_for=timedelta(seconds=settings.keys.key_cache_s),
        tokens=make_tokens(settings.tokens, issuer_keys),
    )
    stack.push_async_callback(authenticate.drain)
    return (authenticate, ManageKeys(store, api_keys, token_prefix=prefix))


def make_people(ground: Ground, authenticate: Authenticate) -> People:
    """The use cases about people. `authenticate` forgets the credentials of people who are erased."""
    data, trips, make_id = ground.get(PostgresPersonalData), ground.get(PostgresTrips), ground.make_id

    async def put_again(offer_ids: Sequence[UUID]) -> None:
        for offer in await ground.offers.get_many(offer_ids):
            ground.live.put(offer)

    needs_claim = ground.settings.tokens.jwt_gender_claim is not None
    part = PartPeople(ground.writer, ground.settings.bookings.terms)
    return People(
        share_gender=ShareGender(ground.get(PostgresPeople), put_again, needs_claim=needs_claim),
        manage_blocks=ManageBlocks(ground.get(PostgresBlocks), ground.blocks, make_id=make_id, part=part),
        export_me=data.export,
        erase_me=EraseMe(data, ground.offers, trips, make_id=make_id, forget=authenticate.forget),
    )


async def require_apart(store: PostgresApiKeys, prefix: str, now: datetime) -> None:
    """Raises SettingsInvalid when a key has, or its server could act for, the name of a token's user."""
    if prefix and (
        taken := [key for key in await store.list_keys() if key.is_usable(now) and is_within(key.user, prefix)]
    ):
        raise SettingsInvalid(
            f"{PREFIX}JWT_USER_PREFIX: key {taken[0].id} has the user {taken[0].user!r}, which tokens could have: "
            "choose another prefix, or revoke the key"
        )


def make_key_set(tokens: TokenSettings) -> KeySet | None:
    """The keys of the issuer; None without one. Raises SettingsInvalid when the settings contradict each other."""
    if tokens.jwt_issuer is None:
        if tokens.jwt_jwks_url is not None or tokens.jwt_jwks_file is not None or tokens.jwt_audience is not None:
            raise SettingsInvalid(f"{PREFIX}JWT_ISSUER: is needed beside the other settings of tokens")
        if tokens.jwt_gender_claim is not None:
            raise SettingsInvalid(f"{PREFIX}JWT_ISSUER: is needed beside {PREFIX}JWT_GENDER_CLAIM")
        return None
    if not tokens.jwt_user_prefix and not tokens.jwt_shared_names:
        raise SettingsInvalid(
            f"{PREFIX}JWT_USER_PREFIX: is needed, for instance t:, so that no token passes for the user of an API key; "
            f"or {PREFIX}JWT_SHARED_NAMES=true to keep the names of earlier tokens: see docs/credentials.md"
        )
    if not tokens.audiences:
        raise SettingsInvalid(f"{PREFIX}JWT_AUDIENCE: is needed, so that tokens made for others are not accepted here")
    if (tokens.jwt_jwks_url is None) == (tokens.jwt_jwks_file is None):
        raise SettingsInvalid(f"{PREFIX}JWT_JWKS_URL or {PREFIX}JWT_JWKS_FILE: one of them is needed")
    if tokens.jwt_jwks_url is not None:
        source = key_url(tokens.jwt_jwks_url, timeout_s=tokens.jwt_timeout_s)
    else:
        assert tokens.jwt_jwks_file is not None, "one of them is there"
        source = key_file(tokens.jwt_jwks_file)
    return KeySet(source, refresh_s=tokens.jwt_refresh_s, max_age_s=tokens.jwt_keys_max_age_s)


def make_tokens(tokens: TokenSettings, keys: KeySet | None) -> JsonWebTokens | None:
    """Checks signed tokens by the rules of the settings; None without an issuer."""
    if keys is None or tokens.jwt_issuer is None:
        return None
    return JsonWebTokens(
        keys,
        TokenRules(
            issuer=tokens.jwt_issuer,
            audiences=tokens.audiences,
            algorithms=tokens.algorithms,
            leeway_s=tokens.jwt_leeway_s,
            role_claim=tokens.jwt_role_claim,
            roles=tokens.roles,
            act_as_claim=tokens.jwt_act_as_claim,
            user_prefix=tokens.jwt_user_prefix,
            gender_claim=tokens.jwt_gender_claim,
        ),
    )
