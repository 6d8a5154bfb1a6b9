"""Wires the use cases about people: tokens, profiles, blocks, personal data."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from matcher.people.block_store import PostgresBlocks
from matcher.people.blocks import Blocks, ManageBlocks
from matcher.people.credentials.key_set import KeySet, key_file, key_url
from matcher.people.credentials.tokens import JsonWebTokens, TokenRules
from matcher.people.profile import ShareGender
from matcher.people.store import PostgresPeople
from matcher.people.women_only import Sharing
from matcher.postgres.pool import Database
from matcher.privacy.personal_data import EraseMe
from matcher.privacy.retention import Forgetting, run_retention
from matcher.privacy.store import PostgresPersonalData
from matcher.search.requests.store import PostgresRequests
from matcher.settings.all import SettingsInvalid
from matcher.settings.base import PREFIX
from matcher.settings.people import RetentionSettings, TokenSettings
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.offer_index import OfferIndex
from matcher.trips.offers.repository import OfferRepository


@dataclass(frozen=True)
class People:
    """What can be asked about the caller's own person; `sharing` and `blocks` are what other services ask."""

    sharing: Sharing
    share_gender: ShareGender
    blocks: Blocks
    manage_blocks: ManageBlocks
    export_me: Callable[[str], AsyncGenerator[tuple[str, Any], None]]
    erase_me: EraseMe


def make_people(
    database: Database,
    offers: OfferRepository,
    index: OfferIndex,
    *,
    make_id: Callable[[], UUID],
    forget: Callable[[str], None],
) -> People:
    """Everything about people, on this database and index. `forget` is told whose credentials must not be remembered any more."""
    people, kept_blocks = PostgresPeople(database), PostgresBlocks(database)
    blocks, data = Blocks(kept_blocks), PostgresPersonalData(database)

    async def put_again(offer_ids: Sequence[UUID]) -> None:
        for offer in await offers.get_many(offer_ids):
            index.put(offer)

    return People(
        sharing=people,
        share_gender=ShareGender(people, put_again),
        blocks=blocks,
        manage_blocks=ManageBlocks(kept_blocks, blocks, make_id=make_id),
        export_me=data.export,
        erase_me=EraseMe(data, offers, PostgresTrips(database), make_id=make_id, forget=forget),
    )


def retention(
    settings: RetentionSettings, database: Database, *, clock: Callable[[], datetime]
) -> Coroutine[Any, Any, None]:
    """The loop that forgets what is past its time."""
    data, trips, requests = PostgresPersonalData(database), PostgresTrips(database), PostgresRequests(database)
    return run_retention(
        [
            Forgetting("bookings", timedelta(days=settings.bookings_kept_days), trips.forget_bookings),
            Forgetting("offers", timedelta(days=settings.offers_kept_days), data.forget_offers),
            Forgetting("series", timedelta(days=settings.offers_kept_days), data.forget_series),
            Forgetting("requests", timedelta(days=settings.requests_kept_days), requests.forget_requests),
            Forgetting("keys", timedelta(days=settings.keys_kept_days), data.forget_keys),
            Forgetting("places of the erased", timedelta(), data.veil_erased),
        ],
        clock=clock,
        every_s=settings.retention_interval_s,
    )


def make_key_set(tokens: TokenSettings) -> KeySet | None:
    """The keys of the settings' issuer; None when none is named. Raises SettingsInvalid when the settings contradict each other."""
    if tokens.jwt_issuer is None:
        if tokens.jwt_jwks_url is not None or tokens.jwt_jwks_file is not None or tokens.jwt_audience is not None:
            raise SettingsInvalid(f"{PREFIX}JWT_ISSUER: is needed beside the other settings of tokens")
        return None
    if not tokens.audiences:
        raise SettingsInvalid(f"{PREFIX}JWT_AUDIENCE: is needed, so that tokens made for others are not believed here")
    if (tokens.jwt_jwks_url is None) == (tokens.jwt_jwks_file is None):
        raise SettingsInvalid(f"{PREFIX}JWT_JWKS_URL or {PREFIX}JWT_JWKS_FILE: one of them is needed")
    if tokens.jwt_jwks_url is not None:
        source = key_url(tokens.jwt_jwks_url, timeout_s=tokens.jwt_timeout_s)
    else:
        assert tokens.jwt_jwks_file is not None, "one of them is there"
        source = key_file(tokens.jwt_jwks_file)
    return KeySet(source, refresh_s=tokens.jwt_refresh_s, max_age_s=tokens.jwt_keys_max_age_s)


def make_tokens(tokens: TokenSettings, keys: KeySet | None) -> JsonWebTokens | None:
    """What checks tokens by the settings' rules; None without an issuer."""
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
        ),
    )
