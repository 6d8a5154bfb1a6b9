"""Events over a real socket: told live and after an absence, to those they are for and to nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from api.app_keys import STREAMS
from matcher.domain.principal import Role
from matcher.events.event import Event, EventKind
from matcher.events.store import PostgresEvents
from matcher.postgres.pool import Database
from tests.api.live import Live
from tests.api.streams import listening, until

Write = Callable[..., Awaitable[None]]


@pytest.fixture
async def write(live: Live) -> Write:
    """Tell a user of something, as a service does in its own transaction."""
    url = live.carpool.settings.storage.database_url
    assert url is not None

    async def told(user: str, *numbers: int, trip: UUID | None = None) -> None:
        database = await Database.open(url.get_secret_value(), min_size=1, max_size=2)
        events = [Event(EventKind.TRIP_CHANGED, user, trip or uuid4(), {"n": number}) for number in numbers]
        await PostgresEvents(database).write(events, datetime.now(UTC))
        await database.close()

    return told


async def test_what_happens_is_told_as_it_happens_and_only_to_whom_it_is_for(live: Live, write: Write) -> None:
    alice, bob = f"alice-{uuid4()}", f"bob-{uuid4()}"
    trip = uuid4()
    async with (
        listening(live, await live.key("rider", alice)) as hers,
        listening(live, await live.key("driver", bob)) as his,
    ):
        await hers.begun()
        await his.begun()
        assert hers.retry == "3000"
        assert hers.response.headers["Cache-Control"] == "no-store"
        assert hers.response.headers["X-Request-Id"]
        await write(alice, 1, 2, trip=trip)
        await write(bob, 3)
        first, second = await hers.messages(2)
        assert (first.event, first.id, first.data["data"]) == ("trip_changed", first.data["id"], {"n": 1})
        assert first.data.keys() == {"id", "type", "timestamp", "user", "trip_id", "data"}
        assert (first.data["user"], first.data["trip_id"], first.data["type"]) == (alice, str(trip), "trip_changed")
        assert second.data["data"] == {"n": 2}
        assert (await his.message()).data["data"] == {"n": 3}


async def test_an_absence_is_made_good_without_a_gap(live: Live, write: Write) -> None:
    user = f"carol-{uuid4()}"
    token = await live.key("rider", user)
    async with listening(live, token) as reader:
        await reader.begun()
        await write(user, 1, 2, 3)
        await reader.messages(2)
        last = reader.last_id
    await write(user, 4, 5)
    async with listening(live, token, last) as reader:
        assert [message.data["data"]["n"] for message in await reader.messages(3)] == [3, 4, 5]
        await write(user, 6)
        assert (await reader.message()).data["data"] == {"n": 6}


async def test_a_listener_to_whom_nothing_happened_can_go_on_too(live: Live, write: Write) -> None:
    user = f"dave-{uuid4()}"
    token = await live.key("rider", user)
    async with listening(live, token) as reader:
        await reader.begun()
        last = reader.last_id
    assert last.startswith("evt_")
    await write(user, 1)
    async with listening(live, token, last) as reader:
        assert (await reader.message()).data["data"] == {"n": 1}


@pytest.mark.parametrize("strange", ["evt_999999999999", "evt_", "17", "evt_-1", "x" * 300, "evt_01"])
async def test_an_id_that_cannot_be_gone_on_from_is_a_reset(live: Live, write: Write, strange: str) -> None:
    user = f"erin-{uuid4()}"
    async with listening(live, await live.key("rider", user), strange) as reader:
        reset = await reader.message()
        assert reset.event == "reset"
        await write(user, 1)
        assert (await reader.message()).data["data"] == {"n": 1}
    assert reset.id.startswith("evt_")


async def test_streams_of_one_user_are_limited(live: Live) -> None:
    token = await live.key("rider")
    most = live.carpool.settings.events.streams_per_user
    async with asyncio.TaskGroup() as group:
        enough = asyncio.Event()

        async def listen() -> None:
            async with listening(live, token) as reader:
                await reader.begun()
                await enough.wait()

        for _ in range(most):
            group.create_task(listen())
        await until(lambda: len(live.app[STREAMS]) >= most)
        answer = await live.call("GET", "/v1/events", token)
        assert answer.status == 429
        assert answer.problem()["code"] == "too_many_streams"
        assert int(answer.headers["Retry-After"]) > 0
        enough.set()


async def test_a_server_listens_for_a_user_of_its_own(live: Live, write: Write) -> None:
    partner = f"partner{uuid4().hex[:8]}"
    token = await live.key("partner", partner, acts_as=(Role.RIDER,))
    async with listening(live, token, **{"X-On-Behalf-Of": "zoe"}) as reader:
        await reader.begun()
        await write(partner, 1)
        await write(f"{partner}:zoe", 2)
        assert (await reader.message()).data["data"] == {"n": 2}


async def test_the_head_of_a_stream_ends_and_a_stream_needs_a_key(live: Live) -> None:
    answer = await live.call("HEAD", "/v1/events", await live.key("rider"))
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert (await live.call("GET", "/v1/events")).status == 401


async def test_a_stream_ends_with_its_key(live: Live) -> None:
    token, key = await live.carpool.manage_keys.create("frank", Role.RIDER, datetime.now(UTC), None)
    live.carpool.authenticate.forget("frank")
    async with listening(live, token) as reader:
        await reader.begun()
        await live.carpool.manage_keys.revoke(key.id, datetime.now(UTC))
        live.carpool.authenticate.forget("frank")
        async with asyncio.timeout(100):
            await reader.to_the_end()


async def test_the_document_names_the_stream(live: Live) -> None:
    document = json.loads((await live.call("GET", "/openapi.json")).body)
    stream = document["paths"]["/v1/events"]["get"]
    assert "text/event-stream" in stream["responses"]["200"]["content"]
    assert {"429", "503"} <= stream["responses"].keys()
    assert stream["parameters"][0]["name"] == "Last-Event-ID"
