"""Signed tokens of another issuer (RFC 7519): which are believed, and whom they name.

What is checked, and why, follows RFC 8725, "JSON Web Token Best Current Practices". The algorithm is one of a short
pinned list, all of them asymmetric, and each key is good for one algorithm: a public key can never be taken for a
shared secret.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jwt import PyJWS
from jwt.exceptions import PyJWTError

from matcher.domain.errors.tree import RoleForbidden, Unauthenticated
from matcher.domain.names import find_name
from matcher.domain.principal import ACTABLE, ERASED, NAMESPACE_MARK, Principal, Role
from matcher.people.credentials.key_set import KeySet

#: Signatures that anybody can check and only the issuer can make (RFC 7518 section 3.1, RFC 8037).
ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)  # fmt: skip
MAX_TOKEN = 8_000
#: Values of a gender claim; "female" is that of OpenID Connect Core, section 5.1.
_WOMAN = frozenset({"woman", "female"})
#: A prefix, an escaped subject: what is stored as a user's name has at most 200 characters.
MAX_SUBJECT = 150
_REFUSED = "the token is not valid: its signature, algorithm, issuer, audience or time is not what is asked for here"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must be. `roles` maps what the issuer writes in `role_claim` to our roles; what it does not map
    means nothing.

    `role_claim` may lead into nested objects with dots (`realm_access.roles`). `user_prefix` is put in front of each
    subject.
    """

    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    leeway_s: float
    role_claim: str
    roles: Mapping[str, Role]
    act_as_claim: str
    user_prefix: str = ""
    gender_claim: str | None = None

    def __post_init__(self) -> None:
        if not self.algorithms or not self.algorithms <= ASYMMETRIC:
            raise ValueError(f"algorithms must be some of {', '.join(sorted(ASYMMETRIC))}")


class JsonWebTokens:
    """From a signed token to a principal."""

    def __init__(self, keys: KeySet, rules: TokenRules) -> None:
        self._keys = keys
        self._rules = rules
        self._jws = PyJWS(algorithms=sorted(rules.algorithms))

    async def __call__(self, token: str, now: datetime) -> Principal:
        """Whom the token names. Raises Unauthenticated with the same words for whatever is wrong with it, RoleForbidden
        when it is good
        and carries no role that means anything here, IssuerUnavailable."""
        try:
            claims = await self._verified(token)
            self._require_current(claims, now.timestamp())
            user = self._user(claims)
        except (_Refused, PyJWTError, ValueError, RecursionError) as error:
            _log.debug("a token was refused: %s", type(error).__name__ if not isinstance(error, _Refused) else error)
            raise Unauthenticated(_REFUSED) from None
        roles = {
            self._rules.roles[name] for name in _words(_at(claims, self._rules.role_claim)) & self._rules.roles.keys()
        }
        if not roles:
            raise RoleForbidden("the token is valid but has no role known to this service")
        act_as = {Role(name) for name in _words(_at(claims, self._rules.act_as_claim)) & {*Role}} & ACTABLE
        first = next(role for role in reversed(Role) if role in roles)
        return Principal(
            user=user,
            role=first,
            key_id="jwt",
            others=frozenset(roles - {first}),
            act_as=frozenset(act_as) if Role.PARTNER in roles else frozenset(),
            claims_woman=self._claims_woman(claims),
        )

    def _claims_woman(self, claims: Mapping[str, Any]) -> bool:
        value = None if self._rules.gender_claim is None else _at(claims, self._rules.gender_claim)
        return value is True or (isinstance(value, str) and value.lower() in _WOMAN)

    async def _verified(self, token: str) -> dict[str, Any]:
        """The claims of a token that the issuer has signed."""
        if len(token) > MAX_TOKEN:
            raise _Refused("too long")
        header = self._jws.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._rules.algorithms:
            raise _Refused("algorithm")
        if "crit" in header or "b64" in header:
            raise _Refused(
                "extension"
            )  # none is understood here, and then the token must be refused (RFC 7515 section 4.1.11)
        if not (key_id is None or isinstance(key_id, str)):
            raise _Refused("key id")
        key = await self._keys.find(key_id, algorithm)
        if key is None:
            raise _Refused("unknown key")
        claims = json.loads(self._jws.decode(token, key.key, algorithms=[algorithm]))
        if not isinstance(claims, dict):
            raise _Refused("no object")
        return claims

    def _require_current(self, claims: Mapping[str, Any], now_s: float) -> None:
        """Raises unless the token is from the issuer, for us, and for now."""
        rules = self._rules
        if claims.get("iss") != rules.issuer:
            raise _Refused("issuer")
        audience = claims.get("aud")
        named = [audience] if isinstance(audience, str) else _texts(audience)
        if rules.audiences.isdisjoint(named):
            raise _Refused("audience")
        if now_s >= _moment(claims, "exp") + rules.leeway_s:
            raise _Refused("expired")
        for claim in ("nbf", "iat"):
            if claim in claims and now_s < _moment(claims, claim) - rules.leeway_s:
                raise _Refused(claim)

    def _user(self, claims: Mapping[str, Any]) -> str:
        """The subject under its prefix.

        The mark that parts an operator from its users is escaped: nobody may pass for one of these.
        """
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_SUBJECT:
            raise _Refused("subject")
        subject = find_name(subject)
        if subject is None:
            raise _Refused("subject")
        escaped = subject.replace("%", "%25").replace(NAMESPACE_MARK, "%3A")
        if len(escaped) > MAX_SUBJECT:
            raise _Refused("subject")
        if not self._rules.user_prefix and escaped == ERASED:
            raise _Refused("subject")
        return self._rules.user_prefix + escaped


class _Refused(Exception):
    """Why a token is not believed; for the log of whoever sets the service up, never for the caller."""


def _moment(claims: Mapping[str, Any], name: str) -> float:
    """A NumericDate (RFC 7519 section 2). Raises when it is absent or none."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise _Refused(name)
    return float(value)


def _at(claims: Mapping[str, Any], path: str) -> object:
    """The claim of this very name, or the one that a path with dots leads to; None when there is none."""
    if path in claims:
        return claims[path]
    found: object = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _words(value: object) -> set[str]:
    """What a claim lists: a list of texts, or one text with spaces between (as `scope` is, RFC 8693 section 4.2)."""
    if isinstance(value, str):
        return set(value.split())
    return set(_texts(value))


def _texts(value: object) -> list[str]:
    """The texts of a list; none when it is no list of texts only."""
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else []
