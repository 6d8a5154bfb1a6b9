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
        raise ValueError("must be seconds with commas between them, such as 5,300,1800") from None
    if not 1 <= len(seconds) <= 30 or not all(0 <= pause <= _LONGEST_PAUSE_S for pause in seconds):
        raise ValueError("must be 1 to 30 pauses, each of at most a week")
    return value


class EventSettings(Concern):
    """What people are told, and how."""

    events_kept_days: float = Field(
        14.0, ge=4, le=3650, description="how long events are kept, and what was not delivered of them"
    )
    deliveries_kept_days: float = Field(
        3.0, ge=0, le=3650, description="how long deliveries to webhooks that arrived are kept"
    )
    departure_notice_min: float = Field(
        60.0, ge=1, le=24 * 60, description="how long before a departure driver and riders are reminded, minutes"
    )
    streams_max: int = Field(1000, ge=1, le=100_000, description="streams of events that a process holds open at once")
    streams_per_user: int = Field(8, ge=1, le=1000, description="streams of one user that a process holds open at once")
    heartbeat_s: float = Field(
        15.0, ge=0.1, le=300, description="a stream on which nothing happens is kept alive so often"
    )
    webhooks_per_user: int = Field(20, ge=1, le=1000, description="webhooks that one user may have")
    webhook_secret_key: Secret | None = Field(
        None, description="what the secrets of webhooks are derived from; without it a private file in the data folder"
    )
    webhook_secret_key_other: Secret | None = Field(
        None, description="deliveries are signed under this key too, while it is being changed"
    )
    webhook_http_allowed: bool = Field(False, description="true lets webhooks be reached without TLS")
    webhook_allowed_networks: Networks = Field(
        "", description="addresses and networks, with commas, that webhooks may be in though they are not public"
    )
    webhook_timeout_s: float = Field(10.0, ge=0.1, le=60, description="how long the answer of a webhook is waited for")
    webhook_pauses_s: Annotated[str, NoDecode, AfterValidator(_pauses)] = Field(
        "5,300,1800,7200,18000,36000,50400,72000,86400",
        description="pauses between attempts, seconds with commas; after the last one a delivery is given up",
    )
    webhook_disable_after_days: float = Field(
        5.0, ge=0, le=365, description="a webhook that has taken nothing for so long is disabled"
    )

    @property
    def pauses(self) -> tuple[timedelta, ...]:
        return tuple(timedelta(seconds=float(word)) for word in self.webhook_pauses_s.split(","))
