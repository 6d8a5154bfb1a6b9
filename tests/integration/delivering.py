"""What delivers events to webhooks, without the rest of the service.

`python -m tests.integration.delivering URL` runs it as a process of its own.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from matcher.events.webhooks.deliver import DeliverEvents, DeliveryRules
from matcher.events.webhooks.deliveries import PostgresDeliveries
from matcher.events.webhooks.public_addresses import networks_of
from matcher.events.webhooks.secrets import WebhookSecrets
from matcher.events.webhooks.sender import HttpEventSender
from matcher.operation.jobs.loop import Job
from matcher.postgres.pool import Database

SECRETS = WebhookSecrets(b"a key of the tests, not of anybody")
LEASE = timedelta(seconds=1)
#: Where nobody is killed nothing is sent again for slowness alone, however busy the machine is.
LONG_LEASE = timedelta(seconds=60)


def a_sender(timeout_s: float = 60) -> HttpEventSender:
    """One that may post to this machine."""
    return HttpEventSender(timeout_s=timeout_s, http_allowed=True, also_allowed=networks_of("127.0.0.1/32"))


def delivering(
    database: Database, sender: HttpEventSender, *, pauses_s: Sequence[float] = (0.02, 0.02), **rules: object
) -> DeliverEvents:
    """With a short schedule."""
    pauses = [timedelta(seconds=pause) for pause in pauses_s]
    return DeliverEvents(
        PostgresDeliveries(database),
        sender,
        SECRETS,
        DeliveryRules(**({"pauses": pauses, "lease": LONG_LEASE} | rules)),  # type: ignore[arg-type]
        clock=lambda: datetime.now(UTC),
        dice=lambda: 0.0,
    )


def delivery_job(deliver: DeliverEvents, every_s: float) -> Job:
    """The job that sends what is due."""
    return Job("looking for deliveries", every_s, lambda _: deliver.send_due(), deliver.wait)


async def _main(url: str) -> None:
    database, sender = await Database.open(url, min_size=1, max_size=2), a_sender()
    await delivery_job(delivering(database, sender, lease=LEASE), 0.05).run(lambda: datetime.now(UTC))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
