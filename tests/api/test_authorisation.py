"""Each call, by each role, on one's own and on another's, with a key and by acting for somebody. The table is in `authorisation.py`."""

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
    admin = await live.key("admin")
    for role in Role:
        caller = await live.key(role)
        if row.make is None:
            path, expected = row.path, row.good if role in row.may | row.any_of else 403
        else:
            path = row.path.format(**await row.make(live, admin, Role.ADMIN))
            expected = row.good if role in row.any_of else row.on_others if role in row.may else 403
        answer = await call(live, row, caller, path)
        assert answer.status == expected, (role, answer.body)
        if expected == 403:
            forbidden(answer, "role_forbidden")
            assert role.value in answer.problem()["detail"]
        if row.make is not None and role in row.may:
            own = row.path.format(**await row.make(live, caller, role))
            mine = await call(live, row, caller, own)
            assert mine.status == row.good, (role, mine.body)


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
    None, "", "Bearer", "Bearer ", "Bearer x", "Bearer ck_00_00", "Basic YTpi", "Bearer a b", "bearer: x", "Bearer \xff",
    "Bearer " + "a" * 5000, "ck_a_b", "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30.",
)  # fmt: skip


@BY_ROW
async def test_without_a_good_credential(live: Live, row: Row) -> None:
    path = re.sub(r"{\w+}", str(uuid4()), row.path)
    for authorization in BAD_CREDENTIALS:
        head = f"{row.method} {path} HTTP/1.1\r\nHost: x\r\nX-On-Behalf-Of: alice\r\n"
        if authorization is not None:
            head += f"Authorization: {authorization}\r\n"
        status, headers, body = await live.raw((head + "\r\n").encode("latin1"))
        assert (status, json.loads(body)["code"]) == (401, "unauthenticated"), authorization
        assert headers["www-authenticate"].startswith('Bearer realm="carpool"')
        assert ("invalid_token" in headers["www-authenticate"]) == (authorization is not None)


# --- acting for somebody -------------------------------------------------------------------------------------------


@BY_ROW
async def test_nobody_acts_for_another_without_the_right(live: Live, row: Row) -> None:
    for role in Role:
        path = re.sub(r"{\w+}", str(uuid4()), row.path)
        answer = await call(live, row, await live.key(role), path, {"X-On-Behalf-Of": "alice"})
        forbidden(answer, "acting_forbidden")


@BY_ROW
async def test_a_server_acts_in_its_roles_and_no_others(live: Live, row: Row) -> None:
    for acts_as in ({Role.RIDER}, {Role.DRIVER}, {Role.RIDER, Role.DRIVER}):
        server = await live.key("partner", acts_as=acts_as)
        path = re.sub(r"{\w+}", str(uuid4()), row.path)
        answer = await call(live, row, server, path, {"X-On-Behalf-Of": "alice"})
        if not acts_as & row.may:
            forbidden(answer, "acting_forbidden")
        else:
            assert answer.status == (row.good if row.make is None else row.on_others), (acts_as, answer.body)


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
    """Neither of another user of the same operator, nor of the same name with another operator, nor of the server itself."""
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
