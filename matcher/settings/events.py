"""Settings of events and webhooks."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import NoDecode

from matcher.settings.base import Concern, Networks, Secret

_LONGEST_PAUSE_S = 7 * 86_400


def _pauses(value: str) -> str:
    try:
        seconds = [float(word) for word in value.split(",")]
    except ValueError:
        raise ValueError("must be comma-separated seconds, such as 5,300,1800") from None
    if not 1 <= len(seconds) <= 30 or not all(0 <= pause <= _LONGEST_PAUSE_S for pause in seconds):
        raise ValueError("must be 1 to 30 pauses, each of at most a week")
    return value


class EventSettings(Concern):
    """What people are told, and how."""

    events_kept_days: float = Field(14.0, ge=4, le=3650, description="retention of events and of undelivered webhooks")
    deliveries_kept_days: float = Field(3.0, ge=0, le=3650, description="retention of successful webhook deliveries")
    departure_notice_min: float = Field(
        60.0, ge=1, le=24 * 60, description="minutes before a departure at which driver and riders are reminded"
    )
    streams_max: int = Field(1000, ge=1, le=100_000, description="open event streams per process")
    streams_per_user: int = Field(8, ge=1, le=1000, description="open event streams per user and process")
    heartbeat_s: float = Field(15.0, ge=0.1, le=300, description="heartbeat interval of an idle stream")
    webhooks_per_user: int = Field(20, ge=1, le=1000, description="webhooks per user")
    webhook_secret_key: Secret | None = Field(
        None, description="key from which webhook secrets are derived; default: a private file in the data folder"
    )
    webhook_secret_key_other: Secret | None = Field(
        None, description="second key that deliveries are also signed with during a rotation"
    )
    webhook_http_allowed: bool = Field(False, description="allow webhooks over plain HTTP")
    webhook_allowed_networks: Networks = Field(
        "", description="comma-separated non-public addresses and networks that webhooks may use"
    )
    webhook_timeout_s: float = Field(10.0, ge=0.1, le=60, description="timeout of a webhook")
    webhook_pauses_s: Annotated[str, NoDecode, AfterValidator(_pauses)] = Field(
        "5,300,1800,7200,18000,36000,50400,72000,86400",
        description="comma-separated pauses between attempts, in seconds; then the delivery is a dead letter",
    )
    webhook_disable_after_days: float = Field(
        5.0, ge=0, le=365, description="a webhook is disabled after failing for this long"
    )

    @property
    def pauses(self) -> tuple[timedelta, ...]:
        return tuple(timedelta(seconds=float(word)) for word in self.webhook_pauses_s.split(","))
