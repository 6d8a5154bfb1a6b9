"""Webhooks: made, changed, verified by a receiver, replayed; another's are not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from matcher.domain.principal import Role
from matcher.events.event import Event, EventKind
from matcher.events.store import PostgresEvents
from matcher.postgres.pool import Database
from tests.api.live import Live
from tests.api.streams import listening, until
from tests.receivers import Receiver, receiving


@pytest.fixture
async def database(live: Live) -> AsyncIterator[Database]:
    """The service's own database."""
    url = live.carpool.settings.storage.database_url
    assert url is not None
    database = await Database.open(url.get_secret_value(), min_size=1, max_size=2)
    yield database
    await database.close()


async def _tell(
    database: Database, user: str, *numbers: int, kind: EventKind = EventKind.TRIP_CHANGED, trip: UUID | None = None
) -> None:
    events = [Event(kind, user, trip or uuid4(), {"n": number}) for number in numbers]
    await PostgresEvents(database).write(events, datetime.now(UTC))


async def _made(live: Live, token: str, url: str, **more: Any) -> dict[str, Any]:
    answer = await live.call("POST", "/v1/webhooks", token, json={"url": url, **more})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


async def _arrived(receiver: Receiver, count: int) -> None:
    await until(lambda: len(receiver.got) >= count)


async def _handed_out(database: Database, user: str) -> None:
    """Until it is settled which webhooks get the events of somebody: it is when they are handed out, soon after they
    were written.
    """
    async with asyncio.timeout(100), database.connection() as connection:
        while True:
            waiting = "SELECT EXISTS (SELECT 1 FROM events WHERE recipient = $1 AND number IS NULL)"
            if not await connection.fetchval(waiting, user):
                return
            await asyncio.sleep(0.02)


async def _delivery(live: Live, token: str, webhook_id: str, status: str) -> dict[str, Any]:
    """The one delivery to a webhook, once it is in a state."""
    async with asyncio.timeout(100):
        while True:
            path = f"/v1/webhooks/deliveries?webhook_id={webhook_id}&status={status}"
            found = (await live.call("GET", path, token)).json["deliveries"]
            if found:
                delivery: dict[str, Any] = found[0]
                return delivery
            await asyncio.sleep(0.02)


async def test_a_receiver_verifies_what_it_is_sent(live: Live, database: Database) -> None:
    user = f"alice-{uuid4()}"
    token = await live.key("rider", user)
    async with receiving() as receiver, receiving() as other:
        made = await _made(live, token, receiver.url, description="mine")
        await _made(live, token, other.url, kinds=["trip_cancelled"])
        trip = uuid4()
        await _tell(database, user, 1, 2, 3, trip=trip)
        await _tell(database, f"not-{user}", 9)
        await _arrived(receiver, 3)
        bodies = receiver.verified(made["secret"])
        assert [body["data"] for body in bodies] == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert all(body.keys() == {"id", "type", "timestamp", "user", "trip_id", "data"} for body in bodies)
        assert [headers["webhook-id"] for headers, _ in receiver.got] == [body["id"] for body in bodies]
        with pytest.raises(WebhookVerificationError):
            receiver.verified("whsec_" + "A" * 43 + "=")
        assert other.got == []
        delivered = await _delivery(live, token, made["id"], "DELIVERED")
        assert (delivered["attempts"], delivered["answer_status"]) == (1, 200)
        assert "next_attempt_at" not in delivered


async def test_a_webhook_is_read_listed_changed_and_deleted(live: Live, database: Database) -> None:
    user = f"bob-{uuid4()}"
    token = await live.key("driver", user)
    async with receiving() as receiver:
        answer = await live.call("POST", "/v1/webhooks", token, json={"url": receiver.url})
        made = answer.json
        path = answer.headers["Location"]
        read = await live.call("GET", path, token)
        assert read.headers["ETag"] == answer.headers["ETag"] == '"1"'
        assert read.json == {key: value for key, value in made.items() if key != "secret"}
        assert (await live.call("GET", "/v1/webhooks", token)).json == {"webhooks": [read.json]}

        patch = {"enabled": False, "description": "later", "kinds": ["trip_changed"]}
        assert (await live.call("PATCH", path, token, json=patch)).status == 428
        stale = await live.call("PATCH", path, token, json=patch, headers={"If-Match": '"7"'})
        assert stale.status == 412
        changed = await live.call("PATCH", path, token, json=patch, headers={"If-Match": '"1"'})
        assert (changed.status, changed.headers["ETag"], changed.json["enabled"]) == (200, '"2"', False)
        await _tell(database, user, 1)
        await _handed_out(database, user)
        await live.call("PATCH", path, token, json={"enabled": True}, headers={"If-Match": "*"})
        await _tell(database, user, 2)
        await _arrived(receiver, 1)
        assert [body["data"] for body in receiver.verified(made["secret"])] == [{"n": 2}]

        assert (await live.call("DELETE", path, token)).status == 204
        assert (await live.call("GET", path, token)).status == 404
        await _tell(database, user, 3)
    assert len(receiver.got) == 1


async def test_after_a_rotation_both_secrets_verify_for_a_day(live: Live, database: Database) -> None:
    user = f"carol-{uuid4()}"
    token = await live.key("rider", user)
    async with receiving() as receiver:
        made = await _made(live, token, receiver.url)
        rotated = (await live.call("POST", f"/v1/webhooks/{made['id']}/secret", token)).json
        assert rotated["secret"] != made["secret"]
        until = datetime.fromisoformat(rotated["old_secret_until"])
        assert timedelta(hours=23) < until - datetime.now(UTC) < timedelta(hours=25)
        await _tell(database, user, 1)
        await _arrived(receiver, 1)
        assert receiver.verified(made["secret"]) == receiver.verified(rotated["secret"])


async def test_creating_is_repeatable_with_a_key_and_keeps_no_secret(live: Live, database: Database) -> None:
    token = await live.key("rider")
    body, headers = {"url": "http://127.0.0.1:9/"}, {"Idempotency-Key": uuid4().hex}
    first = await live.call("POST", "/v1/webhooks", token, json=body, headers=headers)
    again = await live.call("POST", "/v1/webhooks", token, json=body, headers=headers)
    assert (again.status, again.body, again.headers["ETag"]) == (201, first.body, first.headers["ETag"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len((await live.call("GET", "/v1/webhooks", token)).json["webhooks"]) == 1
    other = await live.call("POST", "/v1/webhooks", token, json={"url": "http://127.0.0.1:9/x"}, headers=headers)
    assert other.problem()["code"] == "idempotency_key_reused"
    secret = first.json["secret"]
    async with database.connection() as connection:
        for query in ("SELECT convert_from(body, 'utf8') FROM idempotency_keys", "SELECT webhooks::text FROM webhooks"):
            rows = await connection.fetch(query)
            assert rows
            assert all(secret not in row[0] and "whsec_" not in row[0] for row in rows)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://127.0.0.2/"}, "webhook_url_refused"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "webhook_url_refused"),
        ({"url": "ftp://127.0.0.1/"}, "webhook_url_refused"),
        ({"url": "http://127.0.0.1/", "kinds": ["birthday"]}, "invalid_input"),
        ({"url": "http://127.0.0.1/", "kinds": ["trip_changed", "trip_changed"]}, "invalid_input"),
        ({"url": "http://127.0.0.1/", "covers": "everybody"}, "invalid_field"),
        ({"url": "http://127.0.0.1/", "covers": "users"}, "invalid_field"),
        ({"url": "http://127.0.0.1/", "secret": "whsec_mine"}, "invalid_input"),
        ({}, "invalid_input"),
    ],
)
async def test_what_cannot_be_made_says_why(live: Live, rider: str, body: dict[str, Any], code: str) -> None:
    answer = await live.call("POST", "/v1/webhooks", rider, json=body)
    assert answer.status == 422
    assert answer.problem()["code"] == code


async def test_there_is_an_end_to_how_many_one_may_have(live: Live) -> None:
    token = await live.key("rider")
    most = live.carpool.settings.events.webhooks_per_user
    answers = await asyncio.gather(
        *(live.call("POST", "/v1/webhooks", token, json={"url": f"http://127.0.0.1:9/{n}"}) for n in range(most + 3))
    )
    assert sorted(answer.status for answer in answers) == [201] * most + [409] * 3


async def test_another_s_webhook_and_deliveries_are_not_there(live: Live, database: Database) -> None:
    """Every call, by every role: the owner's own, a stranger's 404, an operator's look, an administrator's hand."""
    owner = f"dora-{uuid4()}"
    token = await live.key("rider", owner)
    async with receiving(500) as receiver:
        made = await _made(live, token, receiver.url)
        await _tell(database, owner, 1)
        dead = await _delivery(live, token, made["id"], "DEAD")
    hook, delivery = f"/v1/webhooks/{made['id']}", f"/v1/webhooks/deliveries/{dead['id']}/replay"
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", hook, {}),
        ("PATCH", hook, {"json": {"description": "x"}, "headers": {"If-Match": "*"}}),
        ("POST", f"{hook}/secret", {}),
        ("POST", delivery, {}),
        ("DELETE", hook, {}),
    ]
    expected = {"rider": [404] * 5, "driver": [404] * 5, "partner": [404] * 5, "ops": [200, 404, 404, 202, 404]}
    for role, statuses in expected.items():
        stranger = await live.key(role)
        found = [(await live.call(method, path, stranger, **more)).status for method, path, more in calls]
        assert (role, found) == (role, statuses)
        listed = (await live.call("GET", f"/v1/webhooks/deliveries?webhook_id={made['id']}", stranger)).json
        assert bool(listed["deliveries"]) == (role == "ops")
        assert (await live.call("GET", "/v1/webhooks", stranger)).json == {"webhooks": []}
    for method, path, more in calls:
        assert (await live.call(method, path, **more)).status == 401
    for nonsense in ("/v1/webhooks/17", "/v1/webhooks/deliveries/x/replay", "/v1/webhooks/deliveries/0/replay"):
        method = "POST" if nonsense.endswith("replay") else "GET"
        assert (await live.call(method, nonsense, token)).status == 404
    admin = await live.key("admin")
    found = [(await live.call(method, path, admin, **more)).status for method, path, more in calls]
    assert found == [200, 200, 200, 202, 204]


async def test_what_was_given_up_is_seen_and_replayed(live: Live, database: Database) -> None:
    user = f"erin-{uuid4()}"
    token, ops = await live.key("rider", user), await live.key("ops")
    async with receiving(503) as receiver:
        made = await _made(live, token, receiver.url)
        await _tell(database, user, 1)
        dead = await _delivery(live, token, made["id"], "DEAD")
        assert (dead["attempts"], dead["answer_status"], dead["error"]) == (3, 503, "HTTP 503")
        assert (await live.call("GET", f"/v1/webhooks/{made['id']}", token)).json["failing_since"]
        receiver.answers = [200]
        assert (await live.call("POST", f"/v1/webhooks/deliveries/{dead['id']}/replay", ops)).status == 202
        await _arrived(receiver, 4)
        delivered = await _delivery(live, token, made["id"], "DELIVERED")
        assert (delivered["id"], delivered["attempts"]) == (dead["id"], 1)
        assert {headers["webhook-id"] for headers, _ in receiver.got} == {dead["event"]["id"]}
        assert "failing_since" not in (await live.call("GET", f"/v1/webhooks/{made['id']}", token)).json


async def test_a_receiver_that_is_gone_is_disabled_and_its_owner_told(live: Live, database: Database) -> None:
    user = f"finn-{uuid4()}"
    token = await live.key("rider", user)
    async with receiving(410) as receiver, listening(live, token) as reader:
        await reader.begun()
        made = await _made(live, token, receiver.url)
        await _tell(database, user, 1)
        assert (await reader.message()).event == "trip_changed"
        told = await reader.message()
        assert (told.event, told.data["data"]["webhook_id"]) == ("webhook_disabled", made["id"])
        assert "trip_id" not in told.data
        now = (await live.call("GET", f"/v1/webhooks/{made['id']}", token)).json
        assert (now["enabled"], now["disabled_because"]) == (False, "the receiver answered 410 Gone")


async def test_a_server_hears_of_all_its_users_and_an_administrator_of_everybody(
    live: Live, database: Database
) -> None:
    operator = f"op{uuid4().hex[:8]}"
    partner = await live.key("partner", operator, acts_as=(Role.RIDER,))
    async with receiving() as receiver, receiving() as everything:
        made = await _made(live, partner, receiver.url, covers="users")
        all_of_it = await _made(
            live, await live.key("admin"), everything.url, covers="everybody", kinds=["booking_lapsed"]
        )
        for number, user in enumerate([operator, f"{operator}:ann", f"{operator}x:ben", f"x{operator}:ann"]):
            await _tell(database, user, number, kind=EventKind.BOOKING_LAPSED)
        await _arrived(receiver, 2)
        await _arrived(everything, 4)
        assert sorted(str(body["user"]) for body in receiver.verified(made["secret"])) == [operator, f"{operator}:ann"]
        assert len(everything.verified(all_of_it["secret"])) == 4
    assert (made["covers"], all_of_it["covers"]) == ("users", "everybody")


async def test_deliveries_are_read_page_by_page(live: Live, database: Database) -> None:
    user = f"gus-{uuid4()}"
    token = await live.key("rider", user)
    async with receiving() as receiver:
        made = await _made(live, token, receiver.url)
        await _tell(database, user, *range(5))
        await _arrived(receiver, 5)
    path, seen = f"/v1/webhooks/deliveries?limit=2&webhook_id={made['id']}", []
    while path:
        answer = await live.call("GET", path, token)
        seen += [delivery["event"]["data"]["n"] for delivery in answer.json["deliveries"]]
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert seen == [4, 3, 2, 1, 0]
    assert (await live.call("GET", "/v1/webhooks/deliveries?webhook_id=x", token)).status == 422
    strange = await live.call("GET", "/v1/webhooks/deliveries?cursor=17", token)
    assert strange.problem()["code"] == "invalid_cursor"
