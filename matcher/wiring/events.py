"""Events and webhooks, wired, with the loops that number, hand out, send, remind and forget."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from matcher.events.bell import PostgresEventBell
from matcher.events.departures import PostgresDepartures
from matcher.events.feed import EventFeed
from matcher.events.jobs import run_deliveries, run_departure_notices, run_event_feed, run_event_housekeeping
from matcher.events.store import PostgresEvents
from matcher.events.webhooks.deliver import DeliverEvents, DeliveryRules
from matcher.events.webhooks.deliveries import PostgresDeliveries
from matcher.events.webhooks.manage import ManageWebhooks
from matcher.events.webhooks.public_addresses import networks_of
from matcher.events.webhooks.secrets import WebhookSecrets
from matcher.events.webhooks.sender import HttpEventSender
from matcher.events.webhooks.store import PostgresWebhooks
from matcher.operation.jobs.loop import in_background
from matcher.operation.telemetry import Telemetry
from matcher.progress import Progress, no_progress
from matcher.settings.all import Settings
from matcher.settings.events import EventSettings
from matcher.wiring.parts import OpenDatabase, opened_database, other_secret, secret

#: How much longer than an answer is waited for a process holds a delivery.
_LEASE_MARGIN_S = 20.0


@dataclass(frozen=True)
class Notices:
    """What the edge needs to tell people what has happened."""

    feed: EventFeed
    manage_webhooks: ManageWebhooks


@asynccontextmanager
async def running_notices(
    settings: Settings,
    database: OpenDatabase,
    *,
    clock: Callable[[], datetime],
    make_id: Callable[[], UUID],
    telemetry: Telemetry,
) -> AsyncIterator[Notices]:
    """Events reach listeners and webhooks while the block runs. Raises DatabaseUnavailable, SecretUnusable."""
    chosen = settings.events
    async with AsyncExitStack() as stack:
        store = PostgresEvents(database.pool)
        webhooks, deliveries = PostgresWebhooks(database.pool), PostgresDeliveries(database.pool)
        secrets = await webhook_secrets(settings)
        sender = _sender(chosen)
        stack.push_async_callback(sender.close)
        deliver = DeliverEvents(
            deliveries, sender, secrets, delivery_rules(chosen), clock=clock, dice=random.SystemRandom().random
        )
        feed = EventFeed(store)
        await feed.begin()
        woken = asyncio.Event()
        feed.on_news(woken.set)
        loops = [
            run_event_feed(PostgresEventBell(database.direct_url), feed, clock=clock),
            run_deliveries(deliver, woken),
            run_departure_notices(
                PostgresDepartures(database.pool), ahead=timedelta(minutes=chosen.departure_notice_min), clock=clock
            ),
            run_event_housekeeping(
                store,
                deliveries,
                events_kept=timedelta(days=chosen.events_kept_days),
                deliveries_kept=timedelta(days=chosen.deliveries_kept_days),
                clock=clock,
            ),
        ]
        await stack.enter_async_context(in_background(loops, telemetry))
        yield Notices(
            feed,
            ManageWebhooks(webhooks, deliveries, sender, secrets, make_id=make_id, most=chosen.webhooks_per_user),
        )


async def webhook_secrets(settings: Settings) -> WebhookSecrets:
    """The secrets of webhooks under the key of the settings, or of the data folder. Raises SecretUnusable."""
    return WebhookSecrets(
        await secret(settings.events.webhook_secret_key, settings.storage.data_dir, "webhook_secret_key"),
        other_secret(settings.events.webhook_secret_key_other),
    )


@asynccontextmanager
async def delivery_management(
    settings: Settings, *, progress: Progress = no_progress
) -> AsyncIterator[PostgresDeliveries]:
    """Only what looking at deliveries needs: the database, shared with a service that runs on it."""
    async with opened_database(settings, progress=progress) as database:
        yield PostgresDeliveries(database.pool)


def delivery_rules(events: EventSettings) -> DeliveryRules:
    """How events are sent, by the settings."""
    return DeliveryRules(
        pauses=events.pauses,
        lease=timedelta(seconds=events.webhook_timeout_s + _LEASE_MARGIN_S),
        disable_after=timedelta(days=events.webhook_disable_after_days),
    )


def _sender(events: EventSettings) -> HttpEventSender:
    return HttpEventSender(
        timeout_s=events.webhook_timeout_s,
        http_allowed=events.webhook_http_allowed,
        also_allowed=networks_of(events.webhook_allowed_networks),
    )
