"""Signed tokens, checked by the keys that a real HTTP server publishes: whom they name, and everything that is
refused.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from matcher.domain.errors.tree import IssuerUnavailable, RoleForbidden, Unauthenticated
from matcher.domain.principal import Principal, Role
from matcher.people.credentials.key_set import MAX_BYTES, KeySet, KeySetUnusable, key_file, key_url
from matcher.people.credentials.tokens import JsonWebTokens, TokenRules
from tests.issuer import (
    AUDIENCE,
    EC_KEY,
    ED_KEY,
    NAME,
    OTHER_RSA_KEY,
    RSA_KEY,
    Issuer,
    a_token,
    public_jwk,
    publishing,
    unsigned,
)
from tests.world import NOW

RULES = TokenRules(
    issuer=NAME,
    audiences=frozenset({AUDIENCE, "carpool-app"}),
    algorithms=frozenset({"RS256", "ES256", "EdDSA"}),
    leeway_s=30,
    role_claim="role",
    roles={"rider": Role.RIDER, "driver": Role.DRIVER, "operator": Role.PARTNER},
    act_as_claim="act_as",
)
NOW_S = NOW.timestamp()
REFRESH_S = 30.0


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with publishing(Issuer()) as issuer:
        yield issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys(issuer: Issuer, clock: Clock) -> AsyncIterator[KeySet]:
    keys = KeySet(key_url(issuer.url, timeout_s=30), refresh_s=REFRESH_S, max_age_s=600, clock=clock)
    yield keys
    await keys.close()


@pytest.fixture
def tokens(keys: KeySet) -> JsonWebTokens:
    return JsonWebTokens(keys, RULES)


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(RSA_KEY, "RS256", "rsa"), (EC_KEY, "ES256", "ec"), (ED_KEY, "EdDSA", "ed")]
)
async def test_a_token_names_its_user_and_role(
    tokens: JsonWebTokens, issuer: Issuer, key: Any, algorithm: str, kid: str
) -> None:
    token = a_token(NOW_S, key=key, algorithm=algorithm, kid=kid)
    for _ in range(3):
        assert await tokens(token, NOW) == Principal(user="rosa", role=Role.RIDER, key_id="jwt")
    assert issuer.asked == 1


async def test_a_token_without_a_key_id_is_known_by_the_only_key_for_its_algorithm(
    tokens: JsonWebTokens, issuer: Issuer, clock: Clock
) -> None:
    assert (await tokens(a_token(NOW_S, kid=None), NOW)).user == "rosa"
    issuer.keys.append(public_jwk(OTHER_RSA_KEY, kid="rsa-2", alg="RS256"))
    clock.s += 700
    with pytest.raises(Unauthenticated):
        await until_refused(tokens, a_token(NOW_S, kid=None))


async def test_a_key_that_was_withdrawn_is_forgotten_though_nobody_asks_for_another(
    tokens: JsonWebTokens, issuer: Issuer, clock: Clock
) -> None:
    assert (await tokens(a_token(NOW_S), NOW)).user == "rosa"
    issuer.keys = [key for key in issuer.keys if key["kid"] != "rsa"]
    clock.s += 700
    with pytest.raises(Unauthenticated):
        await until_refused(tokens, a_token(NOW_S))


async def until_refused(tokens: JsonWebTokens, token: str) -> None:
    """Call until the keys that are read in the background have come."""
    for _ in range(5000):
        await tokens(token, NOW)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "somebody-else"}, {"aud": ["a", "b"]}, {"aud": None}, {"aud": 7}, {"aud": ["carpool", 7]},
        {"iss": "https://evil.example.org/"}, {"iss": None}, {"iss": [NAME]}, {"iss": NAME.rstrip("/")},
        {"exp": NOW_S - 31}, {"exp": NOW_S - 30}, {"exp": None}, {"exp": "tomorrow"}, {"exp": True},
        {"exp": float("inf")},
        {"nbf": NOW_S + 31}, {"nbf": "now"}, {"iat": NOW_S + 3600},
        {"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": " rosa"}, {"sub": "ro\nsa"}, {"sub": "x" * 151},
        {"sub": ":" * 60},
        {"key": OTHER_RSA_KEY}, {"kid": "unknown"}, {"kid": "ec"}, {"kid": "ed"},
        {"key": EC_KEY, "algorithm": "ES256", "kid": "rsa"},
        {"algorithm": "RS512"}, {"algorithm": "PS256"},
        {"headers": {"crit": ["exp"], "exp": 1}}, {"headers": {"jku": "http://127.0.0.1:1/"}, "key": OTHER_RSA_KEY},
        {"headers": {"jwk": public_jwk(OTHER_RSA_KEY)}, "key": OTHER_RSA_KEY},
        {"padding": "x" * 8000},
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_token_is_refused_with_the_same_words(
    tokens: JsonWebTokens, changes: dict[str, Any]
) -> None:
    assert (await tokens(a_token(NOW_S), NOW)).user == "rosa"
    with pytest.raises(Unauthenticated) as refused:
        await tokens(a_token(NOW_S, **changes), NOW)
    assert refused.value.detail.startswith("the token is not valid")
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "changes", [{"exp": NOW_S - 29}, {"nbf": NOW_S + 29}, {"iat": NOW_S + 29}, {"aud": ["x", "carpool-app"]}]
)
async def test_clocks_may_differ_a_little_and_one_audience_is_enough(
    tokens: JsonWebTokens, changes: dict[str, Any]
) -> None:
    assert (await tokens(a_token(NOW_S, **changes), NOW)).user == "rosa"


CLAIMS = {"iss": NAME, "aud": AUDIENCE, "sub": "rosa", "role": "rider", "exp": NOW_S + 300}


async def test_a_public_key_is_no_shared_secret(tokens: JsonWebTokens) -> None:
    """The classic confusion: signed by HMAC with what everybody can read (RFC 8725 section 2.1)."""
    for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
        secret = RSA_KEY.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        signing_input = unsigned({"alg": "HS256", "kid": "rsa", "typ": "JWT"}, CLAIMS).rpartition(".")[0]
        signature = hmac.new(secret, signing_input.encode(), hashlib.sha256).digest()
        token = unsigned({"alg": "HS256", "kid": "rsa", "typ": "JWT"}, CLAIMS, signature)
        with pytest.raises(Unauthenticated):
            await tokens(token, NOW)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, 7, ["RS256"], "HS256", "rs256"])
async def test_an_algorithm_that_is_not_pinned(tokens: JsonWebTokens, algorithm: object) -> None:
    with pytest.raises(Unauthenticated):
        await tokens(unsigned({"alg": algorithm, "kid": "rsa"}, CLAIMS), NOW)


@pytest.mark.parametrize(
    "token", ["..", "a.b.c", "é.é.é", "e30.e30.", "W10.e30.AAAA", "a.b", "a.b.c.d.e", "." * 3000,
     "eyJhbGciOiJSUzI1NiJ9.W10."]
)  # fmt: skip
async def test_what_is_no_token(tokens: JsonWebTokens, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await tokens(token, NOW)


async def test_a_claim_set_that_is_no_object(tokens: JsonWebTokens) -> None:
    for payload in (b"[]", b"7", b"\xff", b"[" * 3000):
        token = jwt.PyJWS().encode(payload, RSA_KEY, algorithm="RS256", headers={"kid": "rsa"})
        with pytest.raises(Unauthenticated):
            await tokens(token, NOW)


def test_shared_secrets_cannot_be_configured() -> None:
    for algorithm in ("HS256", "none"):
        with pytest.raises(ValueError, match="algorithms must be some of"):
            replace(RULES, algorithms=frozenset({algorithm, "RS256"}))


# --- roles ---------------------------------------------------------------------------------------------------------


async def test_a_good_token_without_a_role_that_means_anything(tokens: JsonWebTokens) -> None:
    for role in (None, "admin", ["ops", "partner"], 7, {"rider": True}, ["rider", 7]):
        with pytest.raises(RoleForbidden):
            await tokens(a_token(NOW_S, role=role), NOW)


async def test_a_person_may_be_rider_and_driver(tokens: JsonWebTokens) -> None:
    for both in (["rider", "driver", "unknown"], "driver rider"):
        principal = await tokens(a_token(NOW_S, role=both), NOW)
        assert {principal.role, *principal.others} == {Role.RIDER, Role.DRIVER}
        assert principal.act_as == frozenset()


async def test_roles_may_lie_deep_in_the_claims(keys: KeySet) -> None:
    tokens = JsonWebTokens(keys, replace(RULES, role_claim="realm_access.roles"))
    principal = await tokens(a_token(NOW_S, realm_access={"roles": ["offline_access", "driver"]}), NOW)
    assert principal.role is Role.DRIVER
    flat: dict[str, Any] = {"realm_access.roles": "rider"}
    assert (await tokens(a_token(NOW_S, **flat), NOW)).role is Role.RIDER
    for elsewhere in ({"realm_access": ["driver"]}, {"realm_access": None}):
        with pytest.raises(RoleForbidden):
            await tokens(a_token(NOW_S, **elsewhere), NOW)


async def test_only_a_partners_token_may_act_for_others_and_only_as_persons(tokens: JsonWebTokens) -> None:
    partner = await tokens(a_token(NOW_S, sub="acme", role="operator", act_as=["rider", "driver", "admin"]), NOW)
    assert partner.act_as == {Role.RIDER, Role.DRIVER}
    assert (await tokens(a_token(NOW_S, role="driver", act_as=["rider"]), NOW)).act_as == frozenset()


async def test_no_subject_passes_for_a_partners_user(keys: KeySet) -> None:
    tokens = JsonWebTokens(keys, replace(RULES, user_prefix="login/"))
    names = {
        (await tokens(a_token(NOW_S, sub=sub), NOW)).user for sub in ("acme:alice", "acme%3Aalice", "acme%253Aalice")
    }
    assert len(names) == 3
    assert all(":" not in name and name.startswith("login/") for name in names)


async def test_a_subject_has_one_spelling_and_no_invisible_characters(tokens: JsonWebTokens) -> None:
    assert (await tokens(a_token(NOW_S, sub="Rene\u0301"), NOW)).user == "Ren\u00e9"
    for subject in ("ro\u202esa", "ro\u200bsa", "\u3164", "rosa\u00a0", "erased"):
        with pytest.raises(Unauthenticated):
            await tokens(a_token(NOW_S, sub=subject), NOW)


async def test_no_token_names_the_user_of_a_key_or_of_a_partner(keys: KeySet) -> None:
    tokens = JsonWebTokens(keys, replace(RULES, user_prefix="t:"))
    for subject in ("boss", "t:boss", "acme:alice", "t%3Aboss"):
        user = (await tokens(a_token(NOW_S, sub=subject), NOW)).user
        assert user.startswith("t:")
        assert user.count(":") == 1
    partner = await tokens(a_token(NOW_S, sub="acme", role="operator", act_as=["rider"]), NOW)
    acted_for = partner.acting_for("alice", {Role.RIDER})
    assert acted_for is not None
    assert acted_for.user == "t:acme:alice"


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        (True, True),
        ("woman", True),
        ("Female", True),
        (False, False),
        ("male", False),
        (1, False),
        (["woman"], False),
        (None, False),
    ],
)
async def test_a_claim_may_state_that_the_user_is_a_woman(keys: KeySet, claim: object, says: bool) -> None:
    tokens = JsonWebTokens(keys, replace(RULES, gender_claim="person.gender"))
    token = a_token(NOW_S, person={"gender": claim})
    assert (await tokens(token, NOW)).claims_woman is says
    assert (await JsonWebTokens(keys, RULES)(token, NOW)).claims_woman is False
    assert (await tokens(a_token(NOW_S), NOW)).claims_woman is False


# --- keys ----------------------------------------------------------------------------------------------------------


async def test_a_new_key_is_found_and_an_old_one_forgotten(tokens: JsonWebTokens, issuer: Issuer, clock: Clock) -> None:
    old = a_token(NOW_S)
    await tokens(old, NOW)
    issuer.keys = [public_jwk(OTHER_RSA_KEY, kid="next", alg="RS256")]
    new = a_token(NOW_S, key=OTHER_RSA_KEY, kid="next")
    with pytest.raises(Unauthenticated):
        await tokens(new, NOW)  # the keys have just been read
    clock.s += REFRESH_S
    assert (await tokens(new, NOW)).user == "rosa"
    with pytest.raises(Unauthenticated):
        await tokens(old, NOW)


async def test_unknown_key_ids_lead_to_few_reads(tokens: JsonWebTokens, issuer: Issuer, clock: Clock) -> None:
    await tokens(a_token(NOW_S), NOW)
    for attempt in range(50):
        with pytest.raises(Unauthenticated):
            await tokens(a_token(NOW_S, kid=f"guess-{attempt}"), NOW)
    assert issuer.asked == 1
    clock.s += REFRESH_S
    await asyncio.gather(
        *(tokens(a_token(NOW_S, kid=f"guess-{attempt}"), NOW) for attempt in range(20)), return_exceptions=True
    )
    assert issuer.asked == 2


async def test_many_first_callers_wait_for_one_read(tokens: JsonWebTokens, issuer: Issuer) -> None:
    issuer.pause_s = 0.05
    answers = await asyncio.gather(*(tokens(a_token(NOW_S), NOW) for _ in range(20)))
    assert {answer.user for answer in answers} == {"rosa"}
    assert issuer.asked == 1


async def test_a_caller_who_goes_away_does_not_take_the_read_along(tokens: JsonWebTokens, issuer: Issuer) -> None:
    issuer.pause_s = 0.05
    first = asyncio.ensure_future(tokens(a_token(NOW_S), NOW))
    await asyncio.sleep(0.01)
    second = asyncio.ensure_future(tokens(a_token(NOW_S), NOW))
    await asyncio.sleep(0.01)
    first.cancel()
    assert (await second).user == "rosa"
    assert issuer.asked == 1


async def test_old_keys_stay_good_while_the_issuer_is_away(tokens: JsonWebTokens, issuer: Issuer, clock: Clock) -> None:
    await tokens(a_token(NOW_S), NOW)
    issuer.status = 503
    for _ in range(3):
        clock.s += 10_000
        assert (await tokens(a_token(NOW_S), NOW)).user == "rosa"
        with pytest.raises(Unauthenticated):
            await tokens(a_token(NOW_S, kid="unknown"), NOW)
    assert issuer.asked > 1


async def test_without_any_keys_ever_nothing_can_be_checked(
    tokens: JsonWebTokens, issuer: Issuer, clock: Clock
) -> None:
    issuer.status = 500
    for _ in range(5):
        with pytest.raises(IssuerUnavailable):
            await tokens(a_token(NOW_S), NOW)
    assert issuer.asked == 1
    issuer.status = 200
    clock.s += REFRESH_S
    assert (await tokens(a_token(NOW_S), NOW)).user == "rosa"


@pytest.mark.parametrize(
    ("status", "body"),
    [(302, None), (200, b"{"), (200, b"[]"), (200, b'{"keys": 7}'), (200, b'{"keys": []}'), (200, b'{"keys": [7, {}]}'),
     (200, b" " * (MAX_BYTES + 1)), (200, b"[" * 100_000), (200, b'{"keys": [' + b"{}," * 100 + b"{}]}")],
)  # fmt: skip
async def test_answers_that_are_no_key_set(
    tokens: JsonWebTokens, issuer: Issuer, status: int, body: bytes | None
) -> None:
    issuer.status, issuer.body = status, body
    with pytest.raises(IssuerUnavailable):
        await tokens(a_token(NOW_S), NOW)


async def test_an_issuer_that_does_not_answer(issuer: Issuer) -> None:
    issuer.pause_s = 0.5
    with pytest.raises(KeySetUnusable, match="did not answer"):
        await key_url(issuer.url, timeout_s=0.05)()
    with pytest.raises(KeySetUnusable, match="cannot be reached"):
        await key_url("http://127.0.0.1:9/", timeout_s=1)()


async def test_keys_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = KeySet(key_file(path), refresh_s=0, max_age_s=600)
    tokens = JsonWebTokens(keys, RULES)
    with pytest.raises(IssuerUnavailable):
        await tokens(a_token(NOW_S), NOW)
    path.write_text(json.dumps({"keys": Issuer().keys}))
    assert (await tokens(a_token(NOW_S), NOW)).user == "rosa"
