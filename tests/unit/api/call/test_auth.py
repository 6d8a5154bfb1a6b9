"""Which roles a call is open to, and for whom a server acts: every row of the route table with every role."""

from __future__ import annotations

import pytest

from api.call.auth import principal_of_call
from api.call.endpoint import Endpoint
from api.routes import ROUTES
from matcher.domain.errors.tree import ActingForbidden, RoleForbidden
from matcher.domain.principal import Principal, Role

ROLE_SETS = sorted({route.roles for route in ROUTES if isinstance(route, Endpoint)}, key=sorted)
ACTABLE = (frozenset({Role.RIDER}), frozenset({Role.DRIVER}), frozenset({Role.RIDER, Role.DRIVER}))


@pytest.mark.parametrize("roles", ROLE_SETS, ids=lambda roles: "-".join(sorted(roles)))
@pytest.mark.parametrize("role", Role)
def test_the_roles_of_a_row_decide(role: Role, roles: frozenset[Role]) -> None:
    caller = Principal("carol", role, "key")
    if role in roles:
        assert principal_of_call(caller, None, roles) == caller
    else:
        with pytest.raises(RoleForbidden, match=f"yours is {role.value}"):
            principal_of_call(caller, None, roles)
    with pytest.raises(ActingForbidden):
        principal_of_call(caller, "alice", roles)


@pytest.mark.parametrize("roles", ROLE_SETS, ids=lambda roles: "-".join(sorted(roles)))
@pytest.mark.parametrize("acts_as", ACTABLE, ids=lambda roles: "-".join(sorted(roles)))
def test_a_server_acts_in_its_roles_and_no_others(acts_as: frozenset[Role], roles: frozenset[Role]) -> None:
    server = Principal("app", Role.PARTNER, "key", act_as=acts_as)
    if acts_as & roles:
        user = principal_of_call(server, "alice", roles)
        assert user.role in roles
        assert user.user != server.user
    else:
        with pytest.raises(ActingForbidden):
            principal_of_call(server, "alice", roles)
