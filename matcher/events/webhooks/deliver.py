"""Posts events to webhooks: at least once, in order for each trip, with retries on a schedule."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from matcher.domain.errors.tree import Unavailable
from matcher.events.messages import body_of, message_id
from matcher.events.webhooks.deliveries import DueDelivery, PostgresDeliveries
from matcher.events.webhooks.secrets import WebhookSecrets
from matcher.events.webhooks.sender import HttpEventSender
from matcher.events.webhooks.webhook import STANDARD_PAUSES, SendingResult, pause_before_next

_log = logging.getLogger(__name__)

_PATIENCE_S = 3.0
GONE = "the receiver answered 410 Gone"
FAILING = "nothing was taken for too long"


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """Pauses between attempts, deliveries in progress (in all and for each webhook), how long one process holds a
    delivery, and
    how long without a success disables a webhook. The lease must be longer than the sender's timeout."""

    pauses: Sequence[timedelta] = STANDARD_PAUSES
    most: int = 32
    most_each: int = 4
    lease: timedelta = timedelta(seconds=60)
    disable_after: timedelta = timedelta(days=5)


class DeliverEvents:
    """Sends due deliveries and stores the results. Any number of processes may run it."""

    def __init__(
        self,
        deliveries: PostgresDeliveries,
        sender: HttpEventSender,
        secrets: WebhookSecrets,
        rules: DeliveryRules,
        *,
        clock: Callable[[], datetime],
        dice: Callable[[], float],
    ) -> None:
        self._deliveries = deliveries
        self._sender = sender
        self._secrets = secrets
        self._rules = rules
        self._clock = clock
        self._dice = dice
        self._sending: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something new may be due. Call it on the event loop."""
        self._woken.set()

    async def send_due(self) -> bool:
        """Start sending what is due, up to the limit; False when nothing was. Raises DatabaseUnavailable."""
        self._woken.clear()
        room = self._rules.most - len(self._sending)
        if room <= 0:
            return False
        due = await self._deliveries.claim(
            self._clock(), most=room, most_each=self._rules.most_each, lease=self._rules.lease
        )
        for one in due:
            task = asyncio.create_task(self._send(one))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return bool(due)

    async def wait(self, at_most_s: float) -> None:
        """Return when woken, when a delivery in progress ends, and after `at_most_s` seconds."""
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait([woken, *self._sending], timeout=at_most_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()

    async def stop(self) -> None:
        """Wait a few seconds for deliveries in progress, then cancel them; they are sent again after their leases."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=_PATIENCE_S)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _send(self, due: DueDelivery) -> None:
        body = body_of(due.delivery.event)
        headers = self._secrets.signed(due.webhook, message_id(due.delivery.event), body.decode(), self._clock())
        try:
            answer = await self._sender.post(due.webhook.url, body, headers)
            await self._note(due, answer, self._clock())
        except Unavailable as error:
            # The result is not stored, so it is sent again when the lease ends.
            _log.warning("the result of a delivery could not be stored: %s", error.detail)
        except Exception:  # noqa: BLE001  # one delivery must not end the others
            _log.exception("sending an event failed; it is sent again when the lease is over")

    async def _note(self, due: DueDelivery, answer: SendingResult, now: datetime) -> None:
        pause = pause_before_next(due.delivery.attempts, self._rules.pauses, self._dice(), answer.retry_after)
        noted = await self._deliveries.end(
            due, answer, now, next_attempt_at=None if pause is None or answer.is_taken else now + pause
        )
        if not noted or answer.is_taken:
            return
        if pause is None:
            _log.warning("a delivery to webhook %s was given up: it can be replayed", due.webhook.id)
        if answer.is_gone:
            await self._disable(due, GONE, now)
        elif due.webhook.failing_since is not None and now - due.webhook.failing_since > self._rules.disable_after:
            await self._disable(due, FAILING, now)

    async def _disable(self, due: DueDelivery, because: str, now: datetime) -> None:
        if await self._deliveries.disable_webhook(due.webhook.id, because, now):
            _log.warning("webhook %s is disabled: %s", due.webhook.id, because)
