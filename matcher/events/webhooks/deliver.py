"""Events are posted to webhooks: at least once, in order for each trip, for as long as the schedule says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from matcher.domain.errors.tree import Unavailable
from matcher.events.messages import body_of, message_id
from matcher.events.ports import DeliveryRepository, DueDelivery, EventSender
from matcher.events.webhooks.secrets import WebhookSecrets
from matcher.events.webhooks.webhook import STANDARD_PAUSES, Answer, pause_before_next

_log = logging.getLogger(__name__)

_PATIENCE_S = 3.0
GONE = "the receiver answered 410 Gone"
FAILING = "nothing was taken for too long"


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """How events are sent: the pauses between attempts, how many at once, for how long one process may hold a delivery, and after how
    long without any success a webhook is disabled. The lease must be longer than the sender waits for an answer."""

    pauses: Sequence[timedelta] = STANDARD_PAUSES
    most: int = 32
    most_each: int = 4
    lease: timedelta = timedelta(seconds=60)
    disable_after: timedelta = timedelta(days=5)


class DeliverEvents:
    """Sends what is due and notes what came of it. Any number of processes may do so at once."""

    def __init__(
        self,
        deliveries: DeliveryRepository,
        sender: EventSender,
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
        """Begin to send what is due, as far as there is room; False when nothing was. Raises DatabaseUnavailable."""
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
        """Return when woken, when something that is being sent has been sent, and after `at_most_s` seconds."""
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait([woken, *self._sending], timeout=at_most_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()

    async def stop(self) -> None:
        """Let what is being sent end, for a few seconds; then give it up: it is sent again when its lease is over."""
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
            # Whether it arrived is not on disk, so it is sent again when the lease is over.
            _log.warning("what came of a delivery could not be noted: %s", error.detail)
        except Exception:  # noqa: BLE001  # one delivery must not end the others
            _log.exception("sending an event failed; it is sent again when the lease is over")

    async def _note(self, due: DueDelivery, answer: Answer, now: datetime) -> None:
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
