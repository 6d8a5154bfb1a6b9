"""Rate limits at the edge: which limit a call counts against, and what its answer says about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum

from aiohttp import web

from api.call.errors import RateLimited
from matcher.operation.rate_limits import RateLimit, RateLimiter, Verdict
from matcher.operation.telemetry import RATE_LIMITED, Telemetry
from matcher.settings.protection import ProtectionSettings

#: What was last decided about a request.
VERDICT = web.RequestKey("verdict", Verdict)


class Calls(StrEnum):
    """Kinds of calls that are limited apart."""

    SEARCH = "search"
    WRITE = "write"
    READ = "read"


class Limits:
    """The limits of the settings, and how they are applied."""

    def __init__(self, protection: ProtectionSettings, telemetry: Telemetry) -> None:
        self.address = _limit(protection, "address")
        self.failures = _limit(protection, "failures")
        self._of_user: Mapping[Calls, RateLimit] = {calls: _limit(protection, calls.value) for calls in Calls}
        self._telemetry = telemetry

    async def charge_user(self, request: web.Request, limiter: RateLimiter, user: str, calls: Calls) -> None:
        verdict = await limiter.take(self._of_user[calls], user)
        request[VERDICT] = verdict
        self._require(verdict)

    async def charge_address(self, request: web.Request, limiter: RateLimiter, address: str) -> None:
        """Count a call from an address, before anybody knows whose it is. Raises RateLimited."""
        refusal = limiter.blocked(self.failures, address)
        verdict = await limiter.take(self.address, address) if refusal is None else refusal
        if not verdict.admitted:
            request[VERDICT] = verdict
        self._require(verdict)

    async def charge_failure(self, limiter: RateLimiter, address: str) -> None:
        """Count a wrong key from an address; the next call is refused when there were too many."""
        await limiter.take(self.failures, address)

    def _require(self, verdict: Verdict) -> None:
        if not verdict.admitted:
            self._telemetry.add(RATE_LIMITED, verdict.limit.name)
            wait_s = max(1, math.ceil(verdict.wait_s))
            raise RateLimited(f"too many requests: try again in {wait_s} s", retry_after_s=wait_s)


LIMITS = web.AppKey("limits", Limits)


def rate_headers(verdict: Verdict) -> dict[str, str]:
    """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10): quota, remainder and reset."""
    limit = verdict.limit
    if not limit.per_minute:
        return {}
    window_s = math.ceil(limit.burst * limit.interval_us / 1_000_000)
    used = limit.burst - verdict.remaining
    again_s = math.ceil(verdict.wait_s if not verdict.admitted else used * limit.interval_us / 1_000_000)
    return {
        "RateLimit-Policy": f'"{limit.name}";q={limit.burst};w={window_s}',
        "RateLimit": f'"{limit.name}";r={verdict.remaining};t={again_s}',
    }


def _limit(protection: ProtectionSettings, name: str) -> RateLimit:
    values = protection.model_dump(include={f"rate_{name}_per_minute", f"rate_{name}_burst"})
    return RateLimit(name, values[f"rate_{name}_per_minute"], values[f"rate_{name}_burst"])
