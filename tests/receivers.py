"""Receivers of webhooks and resolvers of names, for tests of what is sent where."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks.webhooks import Webhook as Signed


class StaticResolver(AbstractResolver):
    """A resolver that knows a few names and no others; each look-up takes the next of the answers that are listed
    for it.
    """

    def __init__(self, names: dict[str, list[list[str]]]) -> None:
        self._names = {name: list(answers) for name, answers in names.items()}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError for an unknown name."""
        answers = self._names.get(host)
        if not answers:
            raise OSError(f"no such name: {host}")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class Receiver:
    """An HTTP server on this machine that keeps what is posted to it.

    `answers` are given in turn, the last one for ever.
    """

    url: str
    answers: list[int] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    before: Callable[[], object] | None = None

    def verified(self, secret: str) -> list[dict[str, object]]:
        """What arrived, after its signatures were verified as a receiver would. Raises WebhookVerificationError."""
        return [Signed(secret).verify(body, headers) for headers, body in self.got]

    async def _take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        if self.before is not None:
            self.before()
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, headers=self.headers)


@asynccontextmanager
async def receiving(*answers: int) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine, at any path."""
    receiver = Receiver("", list(answers) or [200])
    app = web.Application()
    app.router.add_post("/{any:.*}", receiver._take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield receiver
    finally:
        await runner.cleanup()
