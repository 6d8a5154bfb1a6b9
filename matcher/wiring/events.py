"""Wires events and webhooks."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from matcher.events.feed import EventFeed
from matcher.events.store import PostgresEvents
from matcher.events.webhooks.deliver import DeliverEvents, DeliveryRules
from matcher.events.webhooks.deliveries import PostgresDeliveries
from matcher.events.webhooks.manage import ManageWebhooks
from matcher.events.webhooks.public_addresses import networks_of
from matcher.events.webhooks.sender import HttpEventSender
from matcher.events.webhooks.store import PostgresWebhooks
from matcher.settings.events import EventSettings
from matcher.wiring.ground import Ground

#: How much longer than it waits for an answer a process holds a delivery.
_LEASE_MARGIN_S = 20.0


@dataclass(frozen=True)
class EventServices:
    """Hands out events and delivers them to webhooks."""

    feed: EventFeed
    manage_webhooks: ManageWebhooks
    deliver: DeliverEvents


async def make_events(ground: Ground, stack: AsyncExitStack) -> EventServices:
    """Everything about events; deliveries end with the stack. Raises DatabaseUnavailable."""
    chosen, deliveries = ground.settings.events, ground.get(PostgresDeliveries)
    sender = HttpEventSender(
        timeout_s=chosen.webhook_timeout_s,
        http_allowed=chosen.webhook_http_allowed,
        also_allowed=networks_of(chosen.webhook_allowed_networks),
    )
    stack.push_async_callback(sender.close)
    rules, dice = delivery_rules(chosen), random.SystemRandom().random
    deliver = DeliverEvents(deliveries, sender, ground.secrets.webhooks, rules, clock=ground.clock, dice=dice)
    stack.push_async_callback(deliver.stop)
    feed = EventFeed(ground.get(PostgresEvents))
    await feed.begin()
    feed.on_news(deliver.wake)
    manage = ManageWebhooks(
        ground.get(PostgresWebhooks),
        deliveries,
        sender,
        ground.secrets.webhooks,
        make_id=ground.make_id,
        most=chosen.webhooks_per_user,
    )
    return EventServices(feed, manage, deliver)


def delivery_rules(events: EventSettings) -> DeliveryRules:
    """How webhooks are delivered to, by the settings."""
    return DeliveryRules(
        pauses=events.pauses,
        lease=timedelta(seconds=events.webhook_timeout_s + _LEASE_MARGIN_S),
        disable_after=timedelta(days=events.webhook_disable_after_days),
    )
