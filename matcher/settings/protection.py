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

    rate_search_per_minute: int = Field(600, ge=0, le=10**7, description="searches of one user, in the long run")
    rate_search_burst: int = Field(120, ge=1, le=10**6, description="searches of one user at once")
    rate_write_per_minute: int = Field(300, ge=0, le=10**7, description="changes by one user, in the long run")
    rate_write_burst: int = Field(120, ge=1, le=10**6, description="changes by one user at once")
    rate_read_per_minute: int = Field(1200, ge=0, le=10**7, description="other calls of one user, in the long run")
    rate_read_burst: int = Field(240, ge=1, le=10**6, description="other calls of one user at once")
    rate_address_per_minute: int = Field(
        6000, ge=0, le=10**7, description="calls from one address, in the long run, before anybody is asked for a key"
    )
    rate_address_burst: int = Field(1000, ge=1, le=10**6, description="calls from one address at once")
    rate_failures_per_minute: int = Field(
        30, ge=0, le=10**7, description="calls with a wrong key from one address, in the long run"
    )
    rate_failures_burst: int = Field(30, ge=1, le=10**6, description="calls with a wrong key from one address at once")
    trusted_proxies: Networks = Field(
        "", description="networks, with commas, whose X-Forwarded-For is believed; empty: nobody's"
    )
    queue_target_ms: float = Field(
        10.0,
        gt=0,
        le=60_000,
        description="how long searches may queue under lasting load; at least the time of one search without load",
    )
    queue_limit_ms: float = Field(
        100.0, gt=0, le=600_000, description="and this long in a rush of a tenth of a second; beyond, 503"
    )
    request_timeout_s: float = Field(
        20.0, gt=0, le=600, description="a call that is not answered by then is given up with 503"
    )
    header_timeout_s: float = Field(10.0, gt=0, le=600, description="a caller whose headers take longer is cut off")
    body_timeout_s: float = Field(30.0, gt=0, le=600, description="a caller whose body takes longer gets 408")
    write_timeout_s: float = Field(
        30.0, gt=0, le=3600, description="a caller who takes in nothing of an answer for this long is cut off"
    )
    keep_alive_s: float = Field(75.0, gt=0, le=3600, description="how long an idle connection is kept")
    max_connections: int = Field(4096, ge=1, le=10**6, description="connections of a process; more get 503")
    shutdown_delay_s: float = Field(
        0.0, ge=0, le=600, description="how long a stop goes on taking calls while /readyz says 503 already"
    )
    cors_origins: Annotated[str, NoDecode, AfterValidator(_origins)] = Field(
        "", description="origins, with commas, whose pages may call from a browser; * for all; empty: none"
    )
    hsts_s: int = Field(
        0, ge=0, le=10**9, description="Strict-Transport-Security for this long; set it where callers come by https"
    )

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        return tuple(ipaddress.ip_network(word) for word in words(self.trusted_proxies))

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(words(self.cors_origins))
