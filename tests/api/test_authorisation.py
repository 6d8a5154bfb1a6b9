"""Each call, by each role, on one's own and on another's, with a key and by acting for somebody.

The table is in `authorisation.py`.
"""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import pytest

from api.call.endpoint import Endpoint
from api.routes import ROUTES
from matcher.domain.principal import Role
from tests.api.authorisation import ROWS, Row
from tests.api.live import Answer, Live, an_offer

#: Roles that a key may act in for others.
ACTABLE = frozenset({Role.RIDER, Role.DRIVER})
BY_ROW = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


@pytest.fixture(scope="module")
async def keys(live: Live) -> dict[Role, str]:
    """A key for each role, for calls that are refused."""
    return {role: await live.key(role) for role in Role}


@pytest.fixture(scope="module")
async def servers(live: Live) -> dict[Role, str]:
    """Keys of servers that act for others in one role."""
    return {role: await live.key("partner", acts_as={role}) for role in sorted(ACTABLE)}


def test_every_call_has_a_row() -> None:
    routes = {f"{route.method} {route.path}": route for route in ROUTES if isinstance(route, Endpoint)}
    rows = [row.name for row in ROWS]
    missing = sorted(routes.keys() - set(rows))
    assert not missing, f"add a row to tests/api/authorisation.py for each of: {missing}"
    assert sorted(rows) == sorted(routes), "a row without a route, or two rows for one"
    for row in ROWS:
        assert routes[row.name].roles == row.may | row.any_of, f"{row.name} is open to others than its row says"
        assert (row.make is not None) == ("{" in row.path), f"{row.name} needs a maker for what its path names"


async def call(live: Live, row: Row, token: str | None, path: str, headers: dict[str, str] | None = None) -> Answer:
    """The row's call on a path; of an answer that does not end only the beginning is read."""
    sent = dict(row.sent)
    all_headers = {**sent.pop("headers", {}), **(headers or {})}
    if token is not None:
        all_headers["Authorization"] = f"Bearer {token}"
    async with live.client.request(row.method, live.url + path + row.query, headers=all_headers, **sent) as response:
        endless = response.content_type == "text/event-stream"
        return Answer(response.status, response.headers, b"" if endless else await response.read())


def forbidden(answer: Answer, code: str) -> None:
    """403 with this code."""
    assert answer.status == 403, answer.body
    assert answer.problem()["code"] == code


@BY_ROW
async def test_each_call_by_each_role(live: Live, row: Row) -> None:
    """Every role that may call, on another person's thing, and one of them on its own; who may not call is below."""
    admin = await live.key("admin")
    others = None if row.make is None else await row.make(live, admin, Role.ADMIN)
    for role in sorted(row.may | row.any_of):
        path, expected = row.path, row.good
        if row.make is not None and others is not None:
            # What a role may change is gone for the next one.
            names = await row.make(live, admin, Role.ADMIN) if role in row.any_of else others
            path, expected = row.path.format(**names), row.good if role in row.any_of else row.on_others
        answer = await call(live, row, await live.key(role), path)
        assert answer.status == expected, (role, answer.body)
    if row.make is not None:
        role = min(row.may)
        token = await live.key(role)
        mine = await call(live, row, token, row.path.format(**await row.make(live, token, role)))
        assert mine.status == row.good, mine.body


@BY_ROW
async def test_each_call_by_whoever_may_not(live: Live, row: Row, keys: dict[Role, str]) -> None:
    """One call for each kind of refusal; that the roles of a row decide is proved in
    tests/unit/api/call/test_auth.py.
    """
    path = re.sub(r"{\w+}", str(uuid4()), row.path)
    without = await call(live, row, None, path)
    assert (without.status, without.problem()["code"]) == (401, "unauthenticated")
    for role in sorted(set(Role) - row.may - row.any_of)[:1]:
        answer = await call(live, row, keys[role], path)
        forbidden(answer, "role_forbidden")
        assert role.value in answer.problem()["detail"]
    forbidden(await call(live, row, keys[min(row.may)], path, {"X-On-Behalf-Of": "alice"}), "acting_forbidden")


@BY_ROW
async def test_another_persons_thing_is_like_one_that_does_not_exist(live: Live, row: Row) -> None:
    if row.make is None or row.on_others == row.good:
        return
    caller = await live.key(next(iter(sorted(row.may - row.any_of))))
    others = dict(await row.make(live, await live.key("admin"), Role.ADMIN))
    nowhere = {name: str(uuid4()) for name in others}
    answers = [await call(live, row, caller, row.path.format(**names)) for names in (others, nowhere)]
    assert [answer.status for answer in answers] == [row.on_others] * 2
    assert len({_without_ids(answer, names) for answer, names in zip(answers, (others, nowhere), strict=True)}) == 1


def _without_ids(answer: Answer, names: dict[str, str]) -> str:
    """What the answer says, but for the names that the caller gave and the request's own id."""
    text = answer.body.decode()
    if answer.headers.get("Content-Type") == "application/problem+json":
        text = json.dumps({key: value for key, value in answer.json.items() if key != "request_id"})
    for name in names.values():
        text = text.replace(name, "…")
    return text


# --- without a good credential -------------------------------------------------------------------------------------


BAD_CREDENTIALS = (
    None, "", "Bearer", "Bearer ", "Bearer x", "Bearer ck_00_00", "Basic YTpi", "Bearer a b", "bearer: x",
    "Bearer \xff",
    "Bearer " + "a" * 5000, "ck_a_b", "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30.",
)  # fmt: skip


@pytest.mark.parametrize("authorization", BAD_CREDENTIALS)
async def test_without_a_good_credential(live: Live, authorization: str | None) -> None:
    head = "GET /v1/offers HTTP/1.1\r\nHost: x\r\nX-On-Behalf-Of: alice\r\n"
    if authorization is not None:
        head += f"Authorization: {authorization}\r\n"
    status, headers, body = await live.raw((head + "\r\n").encode("latin1"))
    assert (status, json.loads(body)["code"]) == (401, "unauthenticated")
    assert headers["www-authenticate"].startswith('Bearer realm="carpool"')
    assert ("invalid_token" in headers["www-authenticate"]) == (authorization is not None)


# --- acting for somebody -------------------------------------------------------------------------------------------


@BY_ROW
async def test_a_server_acts_in_its_roles_and_no_others(live: Live, row: Row, servers: dict[Role, str]) -> None:
    path = re.sub(r"{\w+}", str(uuid4()), row.path)
    for role, server in servers.items():
        answer = await call(live, row, server, path, {"X-On-Behalf-Of": f"user-{uuid4()}"})
        if role not in row.may:
            forbidden(answer, "acting_forbidden")
        else:
            assert answer.status == (row.good if row.make is None else row.on_others), (role, answer.body)


@pytest.mark.parametrize("name", ["", " ", "a b", "a:b", "é", "x" * 65, "alice\t"])
async def test_a_name_that_cannot_be_one(live: Live, name: str) -> None:
    server = await live.key("partner", acts_as=ACTABLE)
    head = f"GET /v1/offers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server}\r\nX-On-Behalf-Of: {name}\r\n\r\n"
    status, _, body = await live.raw(head.encode("latin1"))
    if name == "alice\t":  # white space around a value is no part of it (RFC 9110 section 5.5)
        assert status == 200
    else:
        assert (status, json.loads(body)["code"]) == (400, "invalid_header")


async def test_naming_two_is_naming_nobody(live: Live) -> None:
    server = await live.key("partner", acts_as=ACTABLE)
    names = "X-On-Behalf-Of: alice\r\nX-On-Behalf-Of: bob\r\n"
    status, _, _ = await live.raw(
        f"GET /v1/offers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server}\r\n{names}\r\n".encode()
    )
    assert status == 400


async def test_users_of_one_operator_are_nobody_elses(live: Live) -> None:
    """Neither of another user of the same operator, nor of the same name with another operator, nor of the server
    itself.
    """
    first, theirs = [await live.key("partner", acts_as=ACTABLE) for _ in range(2)]

    async def read(offer: dict[str, Any], token: str, user: str | None) -> int:
        headers = {} if user is None else {"X-On-Behalf-Of": user}
        return (await live.call("GET", f"/v1/offers/{offer['id']}", token, headers=headers)).status

    offer = await live.published(first, user="alice")
    assert await read(offer, first, "alice") == 200
    assert [await read(offer, first, "bob"), await read(offer, first, None), await read(offer, theirs, "alice")] == [
        404
    ] * 3
    own = await live.published(first)
    assert [await read(own, first, None), await read(own, first, "alice")] == [200, 404]


async def test_answers_under_a_key_are_those_of_the_user_acted_for(live: Live) -> None:
    """The same Idempotency-Key of two users of one operator is two keys."""
    server = await live.key("partner", acts_as=ACTABLE)
    made = [
        await live.call(
            "POST", "/v1/offers", server, json=an_offer(), headers={"X-On-Behalf-Of": user, "Idempotency-Key": "same"}
        )
        for user in ("alice", "bob", "alice")
    ]
    assert [answer.status for answer in made] == [201] * 3
    assert made[0].json["id"] == made[2].json["id"] != made[1].json["id"]
