"""Settings of who may call, and of how long personal data is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from matcher.domain.principal import ERASED, NAMESPACE_MARK, Role
from matcher.people.credentials.tokens import ASYMMETRIC
from matcher.settings.base import Concern, Secret, words

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _algorithms(value: str) -> str:
    if not words(value) or not ASYMMETRIC.issuperset(words(value)):
        raise ValueError(f"must be a comma-separated list of: {', '.join(sorted(ASYMMETRIC))}")
    return ",".join(words(value))


def _roles(value: str) -> str:
    pairs = [tuple(side.strip() for side in word.partition("=")[::2]) for word in words(value)]
    if not pairs or not all(theirs and ours in {*Role} for theirs, ours in pairs):
        raise ValueError(f"must look like theirs=ours,…, where ours is one of: {', '.join(Role)}")
    return ",".join(f"{theirs}={ours}" for theirs, ours in pairs)


def _user_prefix(value: str) -> str:
    if f"{value}{NAMESPACE_MARK}".startswith(f"{ERASED}{NAMESPACE_MARK}"):
        raise ValueError(f"must not begin with {ERASED}, which stands for erased users")
    return value


def _key_set_url(value: str) -> str:
    url = urlsplit(value)
    if url.hostname is None or not (url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK)):
        raise ValueError("must be an https URL (http for this very machine only)")
    return value


class KeySettings(Concern):
    """Credentials."""

    key_pepper: Secret | None = Field(
        None, description="secret for the HMACs of stored API keys; default: a private file in the data folder"
    )
    key_pepper_other: Secret | None = Field(None, description="second pepper that is accepted during a rotation")
    key_cache_s: float = Field(
        5.0, ge=0, le=60, description="a revoked key is refused by every process after this time"
    )


class TokenSettings(Concern):
    """Signed tokens (JWT) of another issuer, beside API keys. Off until an issuer is named."""

    jwt_issuer: str | None = Field(None, min_length=1, description="required `iss` of tokens; turns tokens on")
    jwt_audience: str | None = Field(
        None, min_length=1, description="required `aud` of tokens; of several, comma-separated, one is enough"
    )
    jwt_jwks_url: Annotated[str, AfterValidator(_key_set_url)] | None = Field(
        None, description="URL of the issuer's public keys (JWKS)"
    )
    jwt_jwks_file: Path | None = Field(None, description="file with the issuer's public keys, instead of the URL")
    jwt_algorithms: Annotated[str, AfterValidator(_algorithms)] = Field(
        "RS256,ES256,EdDSA", description="comma-separated accepted signature algorithms; asymmetric ones only"
    )
    jwt_leeway_s: float = Field(30.0, ge=0, le=300, description="allowed clock difference")
    jwt_role_claim: str = Field(
        "role",
        min_length=1,
        description="claim that lists the roles; dots separate nested objects, as in realm_access.roles",
    )
    jwt_roles: Annotated[str, AfterValidator(_roles)] = Field(
        "rider=rider,driver=driver", description="mapping of the issuer's roles to ours: theirs=ours,…"
    )
    jwt_act_as_claim: str = Field(
        "act_as",
        min_length=1,
        description="claim of a partner's token that lists the roles in which it may act for others",
    )
    jwt_user_prefix: Annotated[str, AfterValidator(_user_prefix)] = Field(
        "",
        max_length=40,
        pattern=r"^[!-~]*$",
        description="required with tokens, for instance `t:`: put in front of `sub` to make a user's name, so that a "
        "token's user is never the user of an API key",
    )
    jwt_shared_names: bool = Field(
        False,
        description="allow tokens without a prefix: a token with `sub` alice is then the user of alice's API keys",
    )
    jwt_gender_claim: str | None = Field(
        None,
        min_length=1,
        description="the claim that must be true, woman or female before a user may share that they are a woman; "
        "without this setting it is a self-declaration",
    )
    jwt_refresh_s: float = Field(
        30.0,
        ge=0.1,
        le=3600,
        description="minimum interval between two reads of the keys; an unknown key triggers a read",
    )
    jwt_keys_max_age_s: float = Field(
        600.0, ge=1, le=86_400, description="maximum age of the keys before they are read again"
    )
    jwt_timeout_s: float = Field(5.0, gt=0, le=60, description="timeout of the issuer")

    @property
    def audiences(self) -> frozenset[str]:
        return frozenset(words(self.jwt_audience or ""))

    @property
    def algorithms(self) -> frozenset[str]:
        return frozenset(words(self.jwt_algorithms))

    @property
    def roles(self) -> dict[str, Role]:
        """Our role for each of theirs."""
        pairs = (word.partition("=") for word in words(self.jwt_roles))
        return {theirs: Role(ours) for theirs, _, ours in pairs}


class RetentionSettings(Concern):
    """How long personal data is kept. Events, deliveries and single searches have settings of their own."""

    bookings_kept_days: float = Field(400.0, ge=1, le=3650, description="retention of cancelled and validated bookings")
    offers_kept_days: float = Field(
        400.0,
        ge=1,
        le=3650,
        description="retention of past trips without bookings and of series without trips",
    )
    keys_kept_days: float = Field(90.0, ge=0, le=3650, description="retention of revoked and expired API keys")
    requests_kept_days: float = Field(
        7.0, ge=0, le=3650, description="retention of kept requests after the end of their window"
    )
    retention_interval_s: float = Field(3600.0, ge=0.1, le=86_400, description="interval of the clean-up job")
