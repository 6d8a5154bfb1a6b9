"""Who calls, and what they may do: the credential of a request, and the roles that a call is open to."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from aiohttp import web

from api.call.errors import InvalidHeader
from matcher.domain.errors.tree import ActingForbidden, Fault, RoleForbidden, Unauthenticated
from matcher.domain.principal import Principal, Role, is_own_user

EVERYBODY = frozenset(Role)
DRIVERS = frozenset({Role.DRIVER, Role.PARTNER, Role.ADMIN})
RIDERS = frozenset({Role.RIDER, Role.PARTNER, Role.ADMIN})
DRIVERS_AND_OPS = DRIVERS | {Role.OPS}
RIDERS_AND_OPS = RIDERS | {Role.OPS}
OPERATORS = frozenset({Role.OPS, Role.ADMIN})

#: RFC 6750 section 2.1; RFC 9110 section 11.1: the scheme's case does not matter.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.ASCII | re.IGNORECASE)
_MAX_TOKEN = 8100
#: How a server with the right to names the user of its own that a call is for.
ON_BEHALF_OF = "X-On-Behalf-Of"


def bearer_token(request: web.BaseRequest) -> str | None:
    """The token of the Authorization header, or None without one. Raises Unauthenticated when it is no bearer token."""
    given = request.headers.getall("Authorization", [])
    if not given:
        return None
    match = _BEARER.fullmatch(given[0].strip()) if len(given) == 1 and len(given[0]) <= _MAX_TOKEN else None
    if match is None:
        raise Unauthenticated("send one `Authorization: Bearer <key or token>` header")
    return match[1]


def user_acted_for(request: web.BaseRequest) -> str | None:
    """The user that X-On-Behalf-Of names, or None without one. Raises InvalidHeader."""
    given = request.headers.getall(ON_BEHALF_OF, [])
    if not given:
        return None
    if len(given) != 1 or not is_own_user(given[0]):
        detail = "must be given once, as 1 to 64 visible ASCII characters without a colon"
        raise InvalidHeader(f"{ON_BEHALF_OF} {detail}", faults=[Fault(ON_BEHALF_OF, detail, InvalidHeader.code)])
    return given[0]


def principal_of_call(caller: Principal, acted_for: str | None, roles: AbstractSet[Role]) -> Principal:
    """Who the call is by, in the role that it asks for: the caller, or the user of its own that the caller names.

    Raises ActingForbidden, RoleForbidden.
    """
    if acted_for is None:
        principal = caller.for_call(roles)
        require_role(principal, roles)
        return principal
    if not caller.act_as:
        raise ActingForbidden(f"this credential may not act for others: omit {ON_BEHALF_OF}, or use a key with act_as")
    user = caller.acting_for(acted_for, roles)
    if user is None:
        may = " or ".join(sorted(caller.act_as))
        raise ActingForbidden(f"this credential may act for others only as {may}, which this call does not allow")
    return user


def require_role(principal: Principal, roles: AbstractSet[Role]) -> None:
    """Raises RoleForbidden unless the caller's role is one of `roles`."""
    if principal.role not in roles:
        wanted = " or ".join(sorted(role.value for role in roles))
        raise RoleForbidden(f"this call requires a key with the role {wanted}; yours is {principal.role.value}")
