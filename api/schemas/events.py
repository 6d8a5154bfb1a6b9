"""Events and webhooks on the wire."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, GetPydanticSchema
from pydantic_core import core_schema

from api.schemas.fields import Absent, Identifier, Maybe, PageQuery, WireIn, WireOut, line
from matcher.domain.errors.tree import Fault
from matcher.events.event import EventKind
from matcher.events.messages import message_of
from matcher.events.webhooks.manage import Covers, WebhookChange, WebhookDraft, covers_of
from matcher.events.webhooks.webhook import Delivery, DeliveryStatus, Webhook, WebhookStatus

#: A kind by its name: a choice written inline in the API description.
KindName = Annotated[
    EventKind,
    GetPydanticSchema(
        lambda _source, _handler: core_schema.no_info_after_validator_function(
            EventKind, core_schema.literal_schema([kind.value for kind in EventKind])
        )
    ),
]
CoversName = Literal["own", "users", "everybody"]
DeliveryStatusName = Literal["PENDING", "DELIVERED", "DEAD"]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

Url = Annotated[
    str,
    line(
        2000,
        "where to post events: https, with a host on the public internet",
        "https://app.example/carpool-events",
    ),
]
Kinds = Annotated[
    list[KindName],
    Field(max_length=len(EventKind), description="kinds of events; empty for all", examples=[["booking_confirmed"]]),
]
Description = Annotated[str, Field(max_length=200, description="your own note", examples=["the app's server"])]


class EventOut(WireOut):
    """An event: the `data` of a server-sent event, and the body of a webhook call."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "evt_4711",
                    "type": "booking_confirmed",
                    "timestamp": "2026-12-01T07:31:12.040000+00:00",
                    "user": "alice",
                    "trip_id": "01938a3e-7d4c-7b6e-9b5a-3f0f6a1c2d3e",
                    "data": {"booking_id": "01938a40-0c11-7f0a-8a55-0b7f3e2d1c4b", "status": "CONFIRMED"},
                }
            ]
        }
    )

    id: str = Field(description="opaque; the same on every stream and in every attempt")
    type: str = Field(description="kind of event; new kinds may be added", examples=["booking_confirmed"])
    timestamp: datetime
    user: str = Field(description="the recipient")
    trip_id: Maybe[UUID] = Field(None, description="the offer concerned")
    data: dict[str, Any] = Field(description="ids, statuses and times; never coordinates or addresses")


class WebhookIn(WireIn):
    """A webhook to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"url": "https://app.example/carpool-events", "kinds": ["booking_asked", "booking_cancelled"]}]
        }
    )

    url: Url
    kinds: Kinds = Field(default_factory=list)
    description: Description = ""
    covers: Annotated[
        CoversName,
        Field(description="whose events: your own, those of users you act for (partners), or all (administrators)"),
    ] = "own"

    def faults(self) -> list[Fault]:
        return _repeated_kinds(self.kinds)

    def to_domain(self) -> WebhookDraft:
        return WebhookDraft(self.url, tuple(self.kinds), self.description, Covers(self.covers))


class WebhookPatch(WireIn):
    """A JSON merge patch (RFC 7396): absent keys stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": True}]})

    url: Absent[Url] = None
    kinds: Absent[Kinds] = None
    description: Absent[Description] = None
    enabled: Absent[
        Annotated[
            bool, Field(description="false: nothing is queued, and pending deliveries wait; true: deliveries resume")
        ]
    ] = None

    def faults(self) -> list[Fault]:
        return _repeated_kinds(self.kinds or ())

    def to_domain(self) -> WebhookChange:
        kinds = None if self.kinds is None else tuple(self.kinds)
        return WebhookChange(self.url, kinds, self.description, self.enabled)


class WebhookOut(WireOut):
    """A webhook, without its secret."""

    id: Identifier
    url: str
    kinds: list[KindName] = Field(description="empty for all")
    description: str
    covers: CoversName
    enabled: bool
    disabled_because: Maybe[str] = Field(None, description="why the service disabled it; absent if you did")
    failing_since: Maybe[datetime] = Field(None, description="since when deliveries fail; absent when they succeed")
    old_secret_until: Maybe[datetime] = Field(None, description="until when the previous secret also signs")
    version: Annotated[int, Field(ge=1, description="increases by one with every change; the ETag")]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_domain(cls, webhook: Webhook, **more: Any) -> Self:
        kinds, covers = [kind.value for kind in webhook.kinds], covers_of(webhook).value
        return cls.of(webhook, kinds=kinds, covers=covers, enabled=webhook.status is WebhookStatus.ENABLED, **more)


class WebhookSecretOut(WebhookOut):
    """A webhook with its secret, which is not shown again."""

    secret: str = Field(
        description="key for verifying signatures (Standard Webhooks)",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],  # pragma: allowlist secret
    )

    @classmethod
    def with_secret(cls, webhook: Webhook, secret: str) -> WebhookSecretOut:
        """For its owner, once."""
        return cls.from_domain(webhook, secret=secret)


class WebhooksOut(WireOut):
    """Your webhooks, oldest first."""

    webhooks: list[WebhookOut]


class DeliveryListQuery(PageQuery):
    """Which deliveries, and how many per page."""

    status: Absent[Annotated[DeliveryStatusName, Field(description="only deliveries with this status")]] = None
    webhook_id: Absent[Annotated[str, Field(max_length=36, description="only deliveries to this webhook")]] = None

    def faults(self) -> list[Fault]:
        """A webhook id that is not a UUID."""
        if self.webhook_id is not None and not _UUID.fullmatch(self.webhook_id):
            return [Fault("/webhook_id", "must be the id of a webhook", "wrong_type")]
        return []

    @property
    def webhook(self) -> UUID | None:
        return None if self.webhook_id is None else UUID(self.webhook_id)

    @property
    def status_wanted(self) -> DeliveryStatus | None:
        return None if self.status is None else DeliveryStatus(self.status)


class DeliveryOut(WireOut):
    """The delivery of one event to one webhook."""

    id: int = Field(examples=[17])
    webhook_id: Identifier
    owner: str = Field(description="owner of the webhook")
    status: DeliveryStatusName = Field(description="PENDING is still tried; DEAD was abandoned and can be replayed")
    attempts: int = Field(description="number of attempts")
    next_attempt_at: Maybe[datetime] = Field(None, description="absent when there is none")
    answer_status: Maybe[int] = Field(None, description="the HTTP status of the last answer")
    error: Maybe[str] = Field(None, description="the last error")
    created_at: datetime
    ended_at: Maybe[datetime] = Field(None, description="when it was delivered or abandoned")
    event: EventOut

    @classmethod
    def from_domain(cls, delivery: Delivery) -> DeliveryOut:
        waits = delivery.status is DeliveryStatus.PENDING
        return cls.of(
            delivery,
            status=delivery.status.value,
            next_attempt_at=delivery.next_attempt_at if waits else None,
            event=EventOut(**message_of(delivery.event)),
        )


class DeliveriesOut(WireOut):
    """A page of deliveries, newest first."""

    deliveries: list[DeliveryOut]
    next_cursor: Maybe[str] = Field(None, description="for the next page; absent on the last one")


def _repeated_kinds(names: Sequence[str]) -> list[Fault]:
    return [Fault("/kinds", "must not contain duplicates", "repeated")] if len(set(names)) != len(names) else []
