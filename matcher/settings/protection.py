"""Settings of rate limits, load shedding, time limits and browser access."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import NoDecode

from matcher.settings.base import Concern, Networks, words

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|\*", re.ASCII)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _origins(value: str) -> str:
    for word in words(value):
        if not _ORIGIN.fullmatch(word):
            raise ValueError(f"{word!r} is no origin: write https://app.example, without a path")
    return value


class ProtectionSettings(Concern):
    """Rate limits, load shedding and time limits. 0 calls a minute means no limit."""

    rate_search_per_minute: int = Field(600, ge=0, le=10**7, description="sustained searches per user")
    rate_search_burst: int = Field(120, ge=1, le=10**6, description="burst of searches per user")
    rate_write_per_minute: int = Field(300, ge=0, le=10**7, description="sustained changes per user")
    rate_write_burst: int = Field(120, ge=1, le=10**6, description="burst of changes per user")
    rate_read_per_minute: int = Field(1200, ge=0, le=10**7, description="sustained other calls per user")
    rate_read_burst: int = Field(240, ge=1, le=10**6, description="burst of other calls per user")
    rate_address_per_minute: int = Field(
        6000, ge=0, le=10**7, description="sustained calls per address, counted before authentication"
    )
    rate_address_burst: int = Field(1000, ge=1, le=10**6, description="burst of calls per address")
    rate_failures_per_minute: int = Field(
        30, ge=0, le=10**7, description="sustained calls with a wrong key per address"
    )
    rate_failures_burst: int = Field(30, ge=1, le=10**6, description="burst of calls with a wrong key per address")
    trusted_proxies: Networks = Field(
        "", description="comma-separated networks whose X-Forwarded-For is trusted; empty: none"
    )
    queue_target_ms: float = Field(
        10.0,
        gt=0,
        le=60_000,
        description="time that searches may queue under sustained load; at least the duration of an unloaded search",
    )
    queue_limit_ms: float = Field(
        100.0, gt=0, le=600_000, description="time that searches may queue in a short burst; beyond it they get 503"
    )
    request_timeout_s: float = Field(20.0, gt=0, le=600, description="timeout of a call; it then gets 503")
    header_timeout_s: float = Field(
        10.0, gt=0, le=600, description="timeout for reading the headers; the connection is then closed"
    )
    body_timeout_s: float = Field(
        30.0, gt=0, le=600, description="timeout for reading the body; the caller then gets 408"
    )
    body_bytes_per_s: int = Field(
        256,
        ge=1,
        le=10**9,
        description="minimum average speed of a body once the header timeout has passed; a slower caller gets 408",
    )
    write_timeout_s: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="the connection is closed when the caller reads nothing of an answer for this time",
    )
    keep_alive_s: float = Field(75.0, gt=0, le=3600, description="keep-alive interval of an idle connection")
    max_connections: int = Field(
        4096,
        ge=1,
        le=10**6,
        description="maximum number of connections of a process; further ones get 503, but for health checks",
    )
    connections_per_address: int = Field(
        1024,
        ge=1,
        le=10**6,
        description="most connections of one address to a process, never more than are free; not for trusted proxies",
    )
    shutdown_delay_s: float = Field(
        0.0, ge=0, le=600, description="time a shutdown still accepts calls while /readyz already answers 503"
    )
    cors_origins: Annotated[str, NoDecode, AfterValidator(_origins)] = Field(
        "", description="comma-separated origins whose pages may call the API from a browser; * for all; empty: none"
    )
    hsts_s: int = Field(
        0, ge=0, le=10**9, description="max-age of Strict-Transport-Security; set it where callers use HTTPS"
    )

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        return tuple(ipaddress.ip_network(word) for word in words(self.trusted_proxies))

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(words(self.cors_origins))
