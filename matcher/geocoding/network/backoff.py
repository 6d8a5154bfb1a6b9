"""When to try again: exponential back-off with full jitter, and the provider's own wish."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from geopy.exc import (
    GeocoderAuthenticationFailure,
    GeocoderInsufficientPrivileges,
    GeocoderParseError,
    GeocoderQueryError,
    GeocoderQuotaExceeded,
    GeocoderRateLimited,
    GeocoderServiceError,
)

#: Asking again cannot help: the request, the key or the quota is wrong, or the provider speaks another language.
_FINAL = (
    GeocoderQueryError,
    GeocoderAuthenticationFailure,
    GeocoderInsufficientPrivileges,
    GeocoderParseError,
)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between attempts, in seconds.

    Attempt n (from 0) waits a random time in [0, min(cap_s, base_s · 2ⁿ)] (full jitter: callers that failed together do
    not come back together), or as long as the provider asked for in Retry-After, whichever is longer. `patience_s` is
    the longest wait a caller is held for; a provider that asks for more is given up for now.
    """

    attempts: int = 3
    base_s: float = 0.2
    cap_s: float = 3.0
    patience_s: float = 5.0
    randomness: random.Random = field(default_factory=random.SystemRandom)

    def delay_s(self, failed: int, error: GeocoderServiceError) -> float | None:
        """How long to wait after the `failed`-th attempt (from 0) ended in `error`; None to give up."""
        if failed + 1 >= self.attempts or isinstance(error, _FINAL):
            return None
        asked = retry_after_s(error)
        if asked is None and isinstance(error, GeocoderQuotaExceeded) and not isinstance(error, GeocoderRateLimited):
            return None
        jitter = self.randomness.uniform(0.0, min(self.cap_s, self.base_s * 2.0**failed))
        delay = max(asked or 0.0, jitter)
        return None if delay > self.patience_s else delay


def retry_after_s(error: BaseException) -> float | None:
    """The seconds a provider asked to be left alone for (RFC 9110 section 10.2.3), or None."""
    asked = getattr(error, "retry_after", None)
    return None if asked is None else float(asked)
