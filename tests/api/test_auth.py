"""Who may call what: every call, by every role, on one's own and on another's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.app_keys import LIFETIME
from api.endpoint import Endpoint
from api.routes import ROUTES
from matcher.domain.principal import Role
from tests.api.live import Live, a_search, an_offer

#: (call, what the owner's roles get, roles of anybody, what they get on another's offer); every other role gets 403.
CALLS: list[tuple[str, str, dict[str, Any], dict[Role, int], dict[Role, int]]] = [
    ("POST", "/v1/offers", {"json": an_offer()}, {Role.DRIVER: 201, Role.PARTNER: 201, Role.ADMIN: 201}, {}),
    ("GET", "/v1/offers", {}, dict.fromkeys((Role.DRIVER, Role.PARTNER, Role.ADMIN, Role.OPS), 200), {}),
    (
        "GET", "/v1/offers/{offer_id}", {},
        {Role.DRIVER: 200, Role.PARTNER: 200, Role.ADMIN: 200},
        {Role.DRIVER: 404, Role.PARTNER: 404, Role.ADMIN: 200, Role.OPS: 200},
    ),
    (
        "PATCH", "/v1/offers/{offer_id}", {"json": {"seats": 2}, "headers": {"If-Match": "*"}},
        {Role.DRIVER: 200, Role.PARTNER: 200, Role.ADMIN: 200},
        {Role.DRIVER: 404, Role.PARTNER: 404, Role.ADMIN: 404},
    ),
    (
        "DELETE", "/v1/offers/{offer_id}", {},
        {Role.DRIVER: 200, Role.PARTNER: 200, Role.ADMIN: 200},
        {Role.DRIVER: 404, Role.PARTNER: 404, Role.ADMIN: 404},
    ),
    ("POST", "/v1/match", {"json": a_search()}, {Role.RIDER: 200, Role.PARTNER: 200, Role.ADMIN: 200}, {}),
    ("GET", "/v1/geocode?q=balmaceda", {}, dict.fromkeys(Role, 200), {}),
    ("GET", "/v1/reverse?lat=-29.95&lon=-71.34", {}, dict.fromkeys(Role, 200), {}),
]  # fmt: skip


def test_every_call_is_in_the_table() -> None:
    assert {(method, path.partition("?")[0]) for method, path, *_ in CALLS} == {
        (route.method, route.path) for route in ROUTES if isinstance(route, Endpoint)
    }


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(("method", "path", "sent", "own", "others"), CALLS, ids=[f"{c[0]} {c[1]}" for c in CALLS])
async def test_each_call_by_each_role(
    live: Live, role: Role, method: str, path: str, sent: dict[str, Any], own: dict[Role, int], others: dict[Role, int]
) -> None:
    caller, owner = await live.key(role), await live.key("driver")
    stranger = (await live.published(owner))["id"]
    if "{offer_id}" not in path:
        answer = await live.call(method, path, caller, **sent)
        assert answer.status == own.get(role, 403)
    else:
        answer = await live.call(method, path.format(offer_id=stranger), caller, **sent)
        assert answer.status == others.get(role, 403)
        if role in own:
            mine = (await live.published(caller))["id"]
            assert (await live.call(method, path.format(offer_id=mine), caller, **sent)).status == own[role]
    if answer.status == 403:
        problem = answer.problem()
        assert problem["code"] == "role_forbidden"
        assert role.value in problem["detail"]


async def test_roles_are_checked_before_the_body(live: Live, rider: str, driver: str) -> None:
    assert (await live.call("POST", "/v1/offers", rider, data=b"{")).status == 403
    assert (await live.call("POST", "/v1/match", driver, data=b"{")).status == 403


@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Bearer", "Bearer ", "Bearer x", "Bearer ck_00_00", "Basic YTpi", "Bearer a b", "bearer: x", "Bearer \xff",
        "Bearer " + "a" * 5000, "ck_a_b",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("method", "path"), [(c[0], c[1]) for c in CALLS])
async def test_without_a_good_key(live: Live, method: str, path: str, authorization: str | None) -> None:
    head = f"{method} {path.format(offer_id=uuid4())} HTTP/1.1\r\nHost: x\r\n"
    if authorization is not None:
        head += f"Authorization: {authorization}\r\n"
    status, headers, body = await live.raw((head + "\r\n").encode("latin1"))
    assert (status, json.loads(body)["code"]) == (401, "unauthenticated")
    assert headers["www-authenticate"].startswith('Bearer realm="carpool"')
    assert ("invalid_token" in headers["www-authenticate"]) == (authorization is not None)


async def test_the_scheme_may_be_written_in_any_case(live: Live, driver: str) -> None:
    for scheme in ("bearer", "BEARER"):
        answer = await live.call("GET", "/v1/offers", headers={"Authorization": f"{scheme} {driver}"})
        assert answer.status == 200


async def test_two_credentials_are_none(live: Live, driver: str, rider: str) -> None:
    head = (
        f"GET /v1/offers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {driver}\r\nAuthorization: Bearer {rider}\r\n\r\n"
    )
    status, _, _ = await live.raw(head.encode())
    assert status in {400, 401}


async def test_a_key_with_another_secret(live: Live, driver: str) -> None:
    forged = driver[:-1] + ("A" if driver[-1] != "A" else "B")
    assert (await live.call("GET", "/v1/offers", forged)).status == 401


async def test_a_key_that_has_expired(live: Live) -> None:
    keys = live.app[LIFETIME].carpool.manage_keys
    token, _ = await keys.create("eve", Role.DRIVER, datetime.now(UTC) - timedelta(hours=2), timedelta(hours=1))
    assert (await live.call("GET", "/v1/offers", token)).status == 401


async def test_a_key_that_was_revoked(live: Live) -> None:
    keys = live.carpool.manage_keys
    token, key = await keys.create("mallory", Role.DRIVER, datetime.now(UTC), None)
    await keys.revoke(key.id, datetime.now(UTC))
    assert (await live.call("GET", "/v1/offers", token)).status == 401
