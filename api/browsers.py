"""What browsers are told: which pages may call (CORS), and to come by https only (HSTS)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from aiohttp import hdrs, web

_METHODS = "DELETE, GET, PATCH, POST, PUT"
_REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-On-Behalf-Of, X-Request-Id"
)
_ANSWER_HEADERS = (
    "ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, "
    "WWW-Authenticate, X-Request-Id"
)
_PREFLIGHT_S = 600


class Browsers:
    """CORS headers for pages of some origins. No credentials are allowed, so "*" is safe: pages send a key."""

    def __init__(self, origins: AbstractSet[str], *, hsts_s: int = 0) -> None:
        self._origins = origins
        self._hsts = f"max-age={hsts_s}" if hsts_s else None

    def preflight(self, request: web.Request) -> web.Response | None:
        """The answer to a browser that asks whether it may call; None for other calls and for pages that may not."""
        if request.method != hdrs.METH_OPTIONS or hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
            return None
        if self._allowed(request) is None:
            return None
        return web.Response(
            status=204,
            headers={
                hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
                hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _REQUEST_HEADERS,
                hdrs.ACCESS_CONTROL_MAX_AGE: str(_PREFLIGHT_S),
            },
        )

    def mark(self, request: web.Request, response: web.StreamResponse) -> None:
        """Put the headers on an answer."""
        if self._hsts is not None:
            response.headers["Strict-Transport-Security"] = self._hsts
        if not self._origins:
            return
        if "*" not in self._origins:
            response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        allowed = self._allowed(request)
        if allowed is not None:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = allowed
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _ANSWER_HEADERS

    def _allowed(self, request: web.Request) -> str | None:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None:
            return None
        return "*" if "*" in self._origins else origin if origin in self._origins else None
