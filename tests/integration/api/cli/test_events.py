"""`carpool events`: what webhooks did not take, seen and sent again by an operator."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from matcher.events.event import Event, EventKind
from matcher.events.store import PostgresEvents
from matcher.events.webhooks.deliveries import PostgresDeliveries
from matcher.events.webhooks.store import PostgresWebhooks
from matcher.events.webhooks.webhook import SendingResult, Webhook
from matcher.postgres.pool import Database
from tests.integration.service_process import command

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


async def test_what_was_given_up_is_listed_and_sent_again(
    tmp_path: Path, fresh_database: str, database: Database
) -> None:
    hook = Webhook(uuid4(), "alice", "http://127.0.0.1:9/", NOW, NOW)
    await PostgresWebhooks(database).insert(hook, most=9)
    store, deliveries = PostgresEvents(database), PostgresDeliveries(database)
    await store.write([Event(EventKind.BOOKING_LAPSED, "alice", uuid4(), {"n": n}) for n in range(3)], NOW)
    await store.give_numbers(NOW)
    for due in await deliveries.claim(NOW, most=9, most_each=9, lease=timedelta(seconds=1)):
        await deliveries.end(due, SendingResult(500, "HTTP 500"), NOW, next_attempt_at=None)

    async def events(*words: str) -> tuple[int, str]:
        done = await asyncio.to_thread(command, tmp_path, "events", *words, DATABASE_URL=fresh_database)
        return done.returncode, done.stdout + done.stderr

    code, listed = await events("dead", "--json")
    assert code == 0, listed
    first, *others = json.loads(listed[listed.index("[") :])
    assert len(others) == 2
    assert (first["webhook_id"], first["owner"], first["type"]) == (str(hook.id), "alice", "booking_lapsed")
    assert (first["attempts"], first["answer_status"], first["error"]) == (1, 500, "HTTP 500")
    assert await events("replay", str(first["id"])) == (0, "1 delivery is sent again.\n")
    assert await events("replay", "--all") == (0, "2 deliveries are sent again.\n")
    assert (await events("replay", "999999"))[0] == 1
    again = await deliveries.claim(datetime.now(UTC), most=9, most_each=9, lease=timedelta(seconds=1))
    assert [one.delivery.attempts for one in again] == [1, 1, 1]
