"""Users create, change and delete webhooks, and replay deliveries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from matcher.domain.errors.events import DeliveryNotFound, WebhookNotFound
from matcher.domain.errors.tree import InvalidField, StaleVersion
from matcher.domain.idempotency import Keep, rendered
from matcher.domain.principal import NAMESPACE_MARK, Principal, Role
from matcher.events.event import EventKind
from matcher.events.webhooks.deliveries import PostgresDeliveries
from matcher.events.webhooks.secrets import WebhookSecrets
from matcher.events.webhooks.sender import HttpEventSender
from matcher.events.webhooks.store import PostgresWebhooks
from matcher.events.webhooks.webhook import EVERYBODY, Delivery, DeliveryStatus, Webhook, WebhookStatus

#: How long the previous secret also signs after a rotation.
OLD_SECRET_KEPT = timedelta(hours=24)


class Covers(StrEnum):
    """Whose events a webhook receives: its owner's; also those of the users its owner acts for; everybody's."""

    OWN = "own"
    USERS = "users"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class WebhookDraft:
    """A webhook as asked for."""

    url: str
    kinds: tuple[EventKind, ...] = ()
    description: str = ""
    covers: Covers = Covers.OWN


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """A change; None keeps the present value."""

    url: str | None = None
    kinds: tuple[EventKind, ...] | None = None
    description: str | None = None
    enabled: bool | None = None


class ManageWebhooks:
    """The caller's webhooks; others are not found. Operators may read any webhook, and read and replay any delivery."""

    def __init__(
        self,
        webhooks: PostgresWebhooks,
        deliveries: PostgresDeliveries,
        sender: HttpEventSender,
        secrets: WebhookSecrets,
        *,
        make_id: Callable[[], UUID],
        most: int,
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._sender = sender
        self._secrets = secrets
        self._make_id = make_id
        self._most = most

    async def create(
        self, draft: WebhookDraft, principal: Principal, now: datetime, keep: Keep[Webhook] | None = None
    ) -> Webhook:
        """A new webhook.

        Raises WebhookUrlRefused, InvalidField, TooManyWebhooks, AnsweredBefore, IdempotencyKeyReused.
        """
        also_for = _also_for(draft.covers, principal)
        await self._sender.check(draft.url)
        webhook = Webhook(
            id=self._make_id(),
            owner=principal.user,
            url=draft.url,
            created_at=now,
            updated_at=now,
            also_for=also_for,
            kinds=draft.kinds,
            description=draft.description,
        )
        await self._webhooks.insert(webhook, most=self._most, kept=await rendered(keep, webhook))
        return webhook

    def secret(self, webhook_id: UUID, version: int = 1) -> str:
        """The secret that signs a webhook's deliveries; shown to its owner once."""
        return self._secrets.secret(webhook_id, version)

    async def get(self, webhook_id: UUID, principal: Principal) -> Webhook:
        """Raises WebhookNotFound."""
        webhook = await self._webhooks.get(webhook_id)
        if webhook.owner != principal.user and not principal.operates:
            raise WebhookNotFound("you have no webhook with this id")
        return webhook

    async def list_own(self, principal: Principal) -> list[Webhook]:
        return await self._webhooks.list_of(principal.user)

    async def change(
        self, webhook_id: UUID, change: WebhookChange, expected_version: int, principal: Principal, now: datetime
    ) -> Webhook:
        """Raises WebhookNotFound, StaleVersion, WebhookUrlRefused."""
        present = await self._own(webhook_id, principal, expected_version)
        if change.url is not None and change.url != present.url:
            await self._sender.check(change.url)
        status, because, failing_since = present.status, present.disabled_because, present.failing_since
        if change.enabled is not None:
            status = WebhookStatus.ENABLED if change.enabled else WebhookStatus.DISABLED
            # The owner's decision replaces the service's reason, and enabling starts afresh.
            because, failing_since = None, None if status is not present.status else failing_since
        stated = {name: getattr(change, name) for name in ("url", "kinds", "description")}
        changed = replace(
            present,
            **{name: value for name, value in stated.items() if value is not None},
            status=status,
            disabled_because=because,
            failing_since=failing_since,
            version=present.version + 1,
            updated_at=now,
        )
        await self._webhooks.update(changed, expected_version=present.version)
        return changed

    async def rotate(self, webhook_id: UUID, principal: Principal, now: datetime) -> Webhook:
        """Sign with a new secret; the previous one also signs for a day. Raises WebhookNotFound, StaleVersion."""
        present = await self._own(webhook_id, principal, None)
        changed = replace(
            present,
            secret_version=present.secret_version + 1,
            old_secret_until=now + OLD_SECRET_KEPT,
            version=present.version + 1,
            updated_at=now,
        )
        await self._webhooks.update(changed, expected_version=present.version)
        return changed

    async def delete(self, webhook_id: UUID, principal: Principal) -> None:
        """Delete it with its deliveries. Raises WebhookNotFound."""
        await self._own(webhook_id, principal, None)
        await self._webhooks.delete(webhook_id)

    async def list_deliveries(
        self,
        principal: Principal,
        *,
        webhook_id: UUID | None = None,
        status: DeliveryStatus | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[Delivery]:
        """At most `limit`, newest first, with ids below `before`; of the caller, or of everybody for operators."""
        owner = None if principal.operates else principal.user
        return await self._deliveries.list_page(
            owner=owner, webhook_id=webhook_id, status=status, before=before, limit=limit
        )

    async def replay(self, delivery_id: int, principal: Principal, now: datetime) -> Delivery:
        """Send it again from the first attempt, unless it is PENDING. Raises DeliveryNotFound."""
        present = await self._deliveries.get(delivery_id)
        if present.owner != principal.user and not principal.operates:
            raise DeliveryNotFound("you have no delivery with this id")
        await self._deliveries.replay(delivery_id, now)
        return await self._deliveries.get(delivery_id)

    async def _own(self, webhook_id: UUID, principal: Principal, expected_version: int | None) -> Webhook:
        """One of the caller's webhooks, or any for an administrator. Raises WebhookNotFound, StaleVersion."""
        present = await self._webhooks.get(webhook_id)
        if present.owner != principal.user and principal.role is not Role.ADMIN:
            raise WebhookNotFound("you have no webhook with this id")
        if expected_version is not None and present.version != expected_version:
            raise StaleVersion(f"the webhook is at version {present.version} now: read it again before changing it")
        return present


def covers_of(webhook: Webhook) -> Covers:
    """The `covers` it was made with."""
    if EVERYBODY in webhook.also_for:
        return Covers.EVERYBODY
    return Covers.USERS if webhook.also_for else Covers.OWN


def _also_for(covers: Covers, principal: Principal) -> tuple[str, ...]:
    """Raises InvalidField for more than the caller may receive."""
    if covers is Covers.OWN:
        return ()
    if covers is Covers.USERS and (principal.role in {Role.PARTNER, Role.ADMIN} or principal.act_as):
        return (f"{principal.user}{NAMESPACE_MARK}*",)
    if covers is Covers.EVERYBODY and principal.role is Role.ADMIN:
        return (EVERYBODY,)
    why = (
        "is only for servers that act for users of their own"
        if covers is Covers.USERS
        else "is only for administrators"
    )
    raise InvalidField.at("/covers", why, f"covers: `{covers.value}`")
