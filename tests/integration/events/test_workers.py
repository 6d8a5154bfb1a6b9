"""Listeners of a service with several processes miss nothing, though processes are killed and the service stops
under them.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import aiohttp
import pytest

from matcher.events.event import Event, EventKind
from matcher.events.store import PostgresEvents
from matcher.postgres.pool import Database
from tests.api.streams import Message, Reader, until
from tests.integration.service_process import PATIENCE_S, make_key, serving

LISTENERS = 8


@pytest.fixture
def data_dir(with_sample: Callable[[Path], Path], tmp_path: Path) -> Path:
    """The imported region; the database is given by its URL."""
    return with_sample(tmp_path)


class Listener:
    """A client that connects again whenever its stream ends, and says where it was."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self.told: list[int] = []
        self.last_id = ""
        self.streams = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            headers = {"Authorization": f"Bearer {self.key}"} | (
                {"Last-Event-ID": self.last_id} if self.last_id else {}
            )
            try:
                async with (
                    aiohttp.ClientSession() as http,
                    http.get(f"{self.url}/v1/events", headers=headers) as response,
                ):
                    if response.status == 200:
                        self.streams += 1
                        await self._read(Reader(response))
            except (aiohttp.ClientError, EOFError, OSError):
                pass
            await asyncio.sleep(0.05)

    async def _read(self, reader: Reader) -> None:
        while True:
            message = await reader.block()
            self.last_id = reader.last_id
            if isinstance(message, Message):
                assert message.event == "trip_changed", message
                self.told.append(message.data["data"]["n"])


async def test_a_kill_of_a_process_and_a_stop_of_the_service_lose_no_event(
    data_dir: Path, fresh_database: str, database: Database
) -> None:
    store, settings = PostgresEvents(database), {"DATABASE_URL": fresh_database, "WORKERS": "2", "HEARTBEAT_S": "0.5"}
    key = await asyncio.to_thread(make_key, data_dir, "rider", "rita", DATABASE_URL=fresh_database)
    written = 0

    async def write(count: int) -> None:
        nonlocal written
        for _ in range(count):
            written += 1
            await store.write([Event(EventKind.TRIP_CHANGED, "rita", UUID(int=1), {"n": written})], datetime.now(UTC))

    with serving(data_dir, **settings) as service:
        await asyncio.to_thread(service.wait_until_ready)
        listeners = [Listener(f"http://{service.host}:{service.port}", key) for _ in range(LISTENERS)]
        tasks = [asyncio.create_task(listener.run()) for listener in listeners]
        await until(lambda: all(listener.last_id for listener in listeners), PATIENCE_S)
        await write(20)
        await until(lambda: all(len(listener.told) >= written for listener in listeners), PATIENCE_S)
        log = (data_dir / "serve.log").read_text()
        pids = [int(pid) for pid in re.findall(r'"number": \d, "pid": (\d+), "event": "worker started"', log)]
        assert len(pids) == 2
        os.kill(pids[0], signal.SIGKILL)
        await write(40)
        await until(lambda: all(len(listener.told) >= written for listener in listeners), PATIENCE_S)
        assert {listener.streams for listener in listeners} <= {1, 2}
        open_streams = [listener.streams for listener in listeners]
        service.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(service.process.wait, PATIENCE_S) == 0
        assert [listener.streams for listener in listeners] == open_streams
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for listener in listeners:
        assert listener.told == list(range(1, written + 1))
