"""Events reach webhooks at least once and in the order of each trip, whatever receivers and processes do."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from matcher.events.event import Event, EventKind
from matcher.events.store import PostgresEvents
from matcher.events.webhooks.deliveries import PostgresDeliveries
from matcher.events.webhooks.store import PostgresWebhooks
from matcher.events.webhooks.webhook import DeliveryStatus, SendingResult, Webhook, WebhookStatus
from matcher.operation.jobs.loop import in_background
from matcher.postgres.pool import Database
from tests.integration.delivering import LEASE, SECRETS, a_sender, delivering, delivery_job
from tests.receivers import Receiver, receiving

TRIP, OTHER_TRIP = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


async def _webhook(database: Database, url: str, owner: str = "alice", **more: object) -> Webhook:
    made = datetime.now(UTC)
    webhook = replace(Webhook(uuid4(), owner, url, made, made), **more)  # type: ignore[arg-type]
    await PostgresWebhooks(database).insert(webhook, most=1000)
    return webhook


async def _tell(
    database: Database, *numbers: int, trip: UUID = TRIP, user: str = "alice", now: datetime | None = None
) -> None:
    store, moment = PostgresEvents(database), datetime.now(UTC) if now is None else now
    await store.write([Event(EventKind.TRIP_CHANGED, user, trip, {"n": n}) for n in numbers], moment)
    await store.give_numbers(moment)


@asynccontextmanager
async def _processes(database: Database, count: int = 1, **rules: object) -> AsyncIterator[None]:
    senders = [a_sender() for _ in range(count)]
    deliver = [delivering(database, sender, **rules) for sender in senders]  # type: ignore[arg-type]
    async with in_background([delivery_job(each, 0.02) for each in deliver], lambda: datetime.now(UTC)):
        yield
    for each in deliver:
        await each.stop()
    for sender in senders:
        await sender.close()


async def _until_none_waits(database: Database) -> None:
    deliveries = PostgresDeliveries(database)
    async with asyncio.timeout(100):
        while (await deliveries.counts())[DeliveryStatus.PENDING]:  # noqa: ASYNC110  # nobody tells when all is done
            await asyncio.sleep(0.02)


def _numbers(receiver: Receiver, webhook: Webhook, trip: UUID = TRIP) -> list[object]:
    bodies = receiver.verified(SECRETS.secret(webhook.id, 1))
    return [body["data"]["n"] for body in bodies if body["trip_id"] == str(trip)]  # type: ignore[index]


async def test_several_processes_deliver_each_event_once_and_each_trip_in_order(database: Database) -> None:
    async with receiving() as receiver:
        webhook = await _webhook(database, receiver.url)
        async with _processes(database, 3):
            for n in range(0, 30, 3):
                await _tell(database, n, n + 1, n + 2)
                await _tell(database, n, trip=OTHER_TRIP)
            await _until_none_waits(database)
        assert _numbers(receiver, webhook) == list(range(30))
        assert _numbers(receiver, webhook, OTHER_TRIP) == list(range(0, 30, 3))


async def test_the_next_of_a_trip_waits_for_the_one_before_and_other_trips_do_not(database: Database) -> None:
    deliveries = PostgresDeliveries(database)
    await _webhook(database, "http://127.0.0.1:9/")
    await _tell(database, 1, 2, now=NOW)
    await _tell(database, 7, trip=OTHER_TRIP, now=NOW)

    async def claimed(at: datetime) -> list[object]:
        due = await deliveries.claim(at, most=10, most_each=10, lease=LEASE)
        return [one.delivery.event.event.data["n"] for one in due]

    first, other = await deliveries.claim(NOW, most=10, most_each=10, lease=LEASE)
    assert [first.delivery.event.event.data, other.delivery.event.event.data] == [{"n": 1}, {"n": 7}]
    assert await claimed(NOW) == []
    await deliveries.end(first, SendingResult(500), NOW, next_attempt_at=NOW + 9 * SECOND)
    await deliveries.end(other, SendingResult(200), NOW, next_attempt_at=None)
    assert await claimed(NOW + 8 * SECOND) == []
    [again] = await deliveries.claim(NOW + 9 * SECOND, most=10, most_each=10, lease=LEASE)
    assert (again.delivery.id, again.delivery.attempts) == (first.delivery.id, 2)
    await deliveries.end(again, SendingResult(500), NOW, next_attempt_at=None)  # given up: the trip goes on
    assert await claimed(NOW + 9 * SECOND) == [2]
    assert (await deliveries.get(first.delivery.id)).status is DeliveryStatus.DEAD


async def test_who_was_too_slow_has_no_say_any_more(database: Database) -> None:
    deliveries = PostgresDeliveries(database)
    await _webhook(database, "http://127.0.0.1:9/")
    await _tell(database, 1, now=NOW)
    [slow] = await deliveries.claim(NOW, most=1, most_each=1, lease=LEASE)
    assert await deliveries.claim(NOW + LEASE / 2, most=1, most_each=1, lease=LEASE) == []
    [fast] = await deliveries.claim(NOW + LEASE, most=1, most_each=1, lease=LEASE)
    assert not await deliveries.end(slow, SendingResult(500), NOW, next_attempt_at=None)
    assert await deliveries.end(fast, SendingResult(200), NOW, next_attempt_at=None)
    assert not await deliveries.end(slow, SendingResult(500), NOW, next_attempt_at=None)
    assert (await deliveries.get(fast.delivery.id)).status is DeliveryStatus.DELIVERED


async def test_one_webhook_does_not_take_all_the_room(database: Database) -> None:
    deliveries = PostgresDeliveries(database)
    await _webhook(database, "http://127.0.0.1:9/")
    for n in range(20):
        await _tell(database, n, trip=uuid4(), now=NOW)
    await _webhook(database, "http://127.0.0.1:9/", owner="bob")
    await _tell(database, 99, user="bob", now=NOW + SECOND)
    due = await deliveries.claim(NOW + SECOND, most=10, most_each=4, lease=LEASE)
    assert [one.webhook.owner for one in due] == ["alice"] * 4 + ["bob"]
    assert await deliveries.claim(NOW + SECOND, most=10, most_each=4, lease=LEASE) == []
    await deliveries.end(due[0], SendingResult(200), NOW + SECOND, next_attempt_at=None)
    assert len(await deliveries.claim(NOW + SECOND, most=10, most_each=4, lease=LEASE)) == 1


async def test_what_fails_is_sent_again_with_the_same_id_until_it_is_given_up(database: Database) -> None:
    async with receiving(500, 500, 200, 503) as receiver:
        webhook = await _webhook(database, receiver.url)
        async with _processes(database):
            await _tell(database, 1)
            await _until_none_waits(database)
            await _tell(database, 2)
            await _until_none_waits(database)
        assert _numbers(receiver, webhook) == [1, 1, 1, 2, 2, 2]
        ids = [headers["webhook-id"] for headers, _ in receiver.got]
        assert len(set(ids)) == 2
        [dead] = await PostgresDeliveries(database).list_page(
            owner=None, webhook_id=None, status=DeliveryStatus.DEAD, before=None, limit=10
        )
        assert (dead.attempts, dead.answer_status, dead.error) == (3, 503, "HTTP 503")


async def test_a_receiver_that_asks_for_time_is_given_it(database: Database) -> None:
    async with receiving(429) as receiver:
        receiver.headers = {"Retry-After": "3600"}
        await _webhook(database, receiver.url)
        async with _processes(database):
            before = datetime.now(UTC)
            await _tell(database, 1)
            deliveries = PostgresDeliveries(database)
            async with asyncio.timeout(100):
                while True:
                    [one] = await deliveries.list_page(owner=None, webhook_id=None, status=None, before=None, limit=2)
                    if one.answer_status == 429:
                        break
                    await asyncio.sleep(0.02)
        assert one.next_attempt_at - before >= timedelta(hours=1)
        assert len(receiver.got) == 1


async def test_a_process_that_is_killed_between_sending_and_noting_leaves_it_to_be_sent_again(
    database: Database, fresh_database: str
) -> None:
    async with receiving() as receiver:
        webhook = await _webhook(database, receiver.url)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.delivering", fresh_database
        )

        def kill() -> None:
            receiver.before = None
            os.kill(process.pid, signal.SIGKILL)

        receiver.before = kill
        await _tell(database, 1, 2)
        async with asyncio.timeout(100):
            assert await process.wait() == -signal.SIGKILL
        assert len(receiver.got) == 1  # sent, and nobody has noted it
        async with _processes(database):
            await _until_none_waits(database)
        assert _numbers(receiver, webhook) == [1, 1, 2]
        first, again, _ = receiver.got
        assert first[0]["webhook-id"] == again[0]["webhook-id"]
        assert first[1] == again[1]


@pytest.mark.parametrize("answer", [410, 500])
async def test_a_webhook_that_is_gone_or_takes_nothing_for_days_is_disabled_with_a_notice(
    database: Database, answer: int
) -> None:
    async with receiving(answer) as receiver:
        days_ago = datetime.now(UTC) - timedelta(days=6)
        webhook = await _webhook(database, receiver.url, failing_since=days_ago if answer == 500 else None)
        async with _processes(database, disable_after=timedelta(days=5), pauses_s=(60,)):
            await _tell(database, 1)
            webhooks = PostgresWebhooks(database)
            async with asyncio.timeout(100):
                while (await webhooks.get(webhook.id)).status is WebhookStatus.ENABLED:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        disabled = await webhooks.get(webhook.id)
        assert disabled.version == 2
        store = PostgresEvents(database)
        await store.give_numbers(datetime.now(UTC))
        [_, notice] = await store.list_after(0, 10)
        assert (notice.event.kind, notice.event.recipient) == (EventKind.WEBHOOK_DISABLED, "alice")
        assert notice.event.data == {"webhook_id": str(webhook.id), "because": disabled.disabled_because}
        # What waits goes on waiting, and nothing new is queued.
        counts = await PostgresDeliveries(database).counts()
        assert counts == {DeliveryStatus.PENDING: 1, DeliveryStatus.DEAD: 0}
        assert (
            await PostgresDeliveries(database).claim(
                datetime.now(UTC) + timedelta(days=9), most=9, most_each=9, lease=LEASE
            )
            == []
        )


async def test_what_was_given_up_is_replayed_one_or_all(database: Database) -> None:
    deliveries, hook = PostgresDeliveries(database), await _webhook(database, "http://127.0.0.1:9/")
    for n in range(3):
        await _tell(database, n, trip=uuid4(), now=NOW)
    for due in await deliveries.claim(NOW, most=9, most_each=9, lease=LEASE):
        await deliveries.end(due, SendingResult(None, "x" * 500), NOW, next_attempt_at=None)
    dead = await deliveries.list_page(
        owner="alice", webhook_id=hook.id, status=DeliveryStatus.DEAD, before=None, limit=9
    )
    assert [len(one.error or "") for one in dead] == [200] * 3
    await deliveries.replay(dead[0].id, NOW)
    await deliveries.replay(dead[0].id, NOW)
    replayed = await deliveries.get(dead[0].id)
    assert (replayed.status, replayed.attempts, replayed.ended_at) == (DeliveryStatus.PENDING, 0, None)
    assert await deliveries.replay_dead(uuid4(), NOW) == 0
    assert await deliveries.replay_dead(None, NOW) == 2
    assert len(await deliveries.claim(NOW, most=9, most_each=9, lease=LEASE)) == 3


async def test_deliveries_go_when_they_are_old_and_with_their_events_and_webhooks(database: Database) -> None:
    deliveries, store = PostgresDeliveries(database), PostgresEvents(database)
    hook = await _webhook(database, "http://127.0.0.1:9/")
    for n in range(4):
        await _tell(database, n, trip=uuid4(), now=NOW)
    for due in await deliveries.claim(NOW, most=2, most_each=9, lease=LEASE):
        await deliveries.end(due, SendingResult(200), NOW, next_attempt_at=None)
    assert await deliveries.forget_delivered(NOW) == 0
    assert await deliveries.forget_delivered(NOW + SECOND, 1) == 1
    assert await deliveries.forget_delivered(NOW + SECOND) == 1
    assert (await deliveries.counts())[DeliveryStatus.PENDING] == 2
    assert await store.forget_events(NOW + SECOND) == 4
    assert (await deliveries.counts())[DeliveryStatus.PENDING] == 0
    await _tell(database, 9)
    await PostgresWebhooks(database).delete(hook.id)
    assert (await deliveries.counts())[DeliveryStatus.PENDING] == 0
