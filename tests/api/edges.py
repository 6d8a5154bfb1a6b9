"""Other edges on a running service, with limits of their own, and what is seen at them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import uuid4

from api.app import build_app
from api.app_keys import METRICS
from matcher.domain.errors.tree import Overloaded
from matcher.settings.protection import ProtectionSettings
from matcher.wiring.service import Carpool
from tests.api.live import SERVER, Live, ready, serving


@asynccontextmanager
async def protected(live: Live, **settings: Any) -> AsyncIterator[Live]:
    """Another edge on the same service, with protection and server settings of its own."""

    @asynccontextmanager
    async def same() -> AsyncIterator[Carpool]:
        yield live.carpool

    ours = {name: value for name, value in settings.items() if name in ProtectionSettings.model_fields}
    protection: ProtectionSettings = ProtectionSettings.default().model_copy(update=ours)
    server = SERVER.model_copy(update={name: value for name, value in settings.items() if name not in ours})
    async with serving(build_app(same(), server, protection=protection)) as edge:
        await ready(edge)
        await edge.client.close()  # the connection over which it was asked whether it is ready
        edge.client = type(edge.client)()
        try:
            yield edge
        finally:
            await edge.client.close()


async def metric(live: Live, name: str) -> float:
    """The value of a series, written as Prometheus does."""
    text = (await live.app[METRICS].render())[0].decode()
    return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name + " ")), 0.0)


async def connected(edge: Live, source: str | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection of one's own, from an address of this machine."""
    host, port = edge.url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port), local_addr=None if source is None else (source, 0))


async def said(edge: Live, data: bytes, *, then: bytes = b"", after_s: float = 0.0, source: str | None = None) -> bytes:
    """What comes back until the connection ends."""
    reader, writer = await connected(edge, source)
    try:
        writer.write(data)
        if then:
            await asyncio.sleep(after_s)
            writer.write(then)
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


@contextmanager
def overloaded(live: Live) -> Iterator[None]:
    """As many searches under way, each of another user, as are let in: one more of a new user is refused."""
    gate = live.carpool.operation.search_gate
    admitted = 0
    with ExitStack() as under_way:
        with suppress(Overloaded):
            for _ in range(2000):
                under_way.enter_context(gate.one_more(str(uuid4())))  # what is known of earlier searches counts
                admitted += 1
        assert 2 < admitted < 2000, "some are let in, and not all"
        yield
