"""Processes under load: a stop loses no call, and a worker that is killed is replaced and counted."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.integration.service_process import PATIENCE_S, Service, a_search, enterable_folder, make_key, serving

CLIENTS = 12
NO_LIMITS = {"RATE_SEARCH_PER_MINUTE": "0", "QUEUE_TARGET_MS": "5000", "QUEUE_LIMIT_MS": "5000"}


@pytest.fixture(scope="module")
def data_dir(with_sample: Callable[[Path], Path]) -> Iterator[Path]:
    """An embedded database and the imported region, for these tests alone."""
    with enterable_folder() as folder:
        yield with_sample(folder)


@dataclass
class Load:
    """Clients that search until nobody listens any more: some keep their connection, some do not."""

    url: str
    key: str
    statuses: Counter[int | str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """All clients, to their ends."""
        await asyncio.gather(*(self._client(keeps=number % 3 > 0) for number in range(CLIENTS)))

    async def _client(self, *, keeps: bool) -> None:
        # A client that repeats a call by itself would hide one that was lost.
        connector = aiohttp.TCPConnector(force_close=not keeps, limit=1)
        async with aiohttp.ClientSession(connector=connector) as http:
            http._retry_connection = False
            while not self.stop.is_set():
                headers = {"Authorization": f"Bearer {self.key}"}
                try:
                    async with http.post(f"{self.url}/v1/match", json=a_search(), headers=headers) as answer:
                        said = await answer.json()
                        self.statuses[said.get("code", answer.status)] += 1
                except aiohttp.ClientConnectorError:
                    return  # nobody listens any more: no call was made
                except aiohttp.ClientError as error:
                    self.broken.append(repr(error))
                    return


def _wait_for_both(service: Service) -> None:
    """Until each of the two workers has said that it is ready: the one that listens first is not the only one."""
    ready: set[int] = set()
    while ready != {1, 2}:
        ready.add(service.wait_until_ready()["worker"])


async def _until_there_are(load: Load, calls: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while load.statuses.total() < calls:
        assert time.monotonic() < deadline, f"only {load.statuses} answered"
        await asyncio.sleep(0.02)


async def test_a_stop_under_load_fails_no_call(data_dir: Path) -> None:
    key = await asyncio.to_thread(make_key, data_dir, "rider", "rita")
    with serving(data_dir, WORKERS="2", **NO_LIMITS) as service:
        await asyncio.to_thread(_wait_for_both, service)
        load = Load(f"http://{service.host}:{service.port}", key)
        running = asyncio.create_task(load.run())
        await _until_there_are(load, 150)
        service.process.send_signal(signal.SIGTERM)
        await running
        assert await asyncio.to_thread(service.process.wait, PATIENCE_S) == 0
    assert load.broken == []
    assert set(load.statuses) == {200}


async def test_readiness_goes_before_anything_is_refused(data_dir: Path) -> None:
    key = await asyncio.to_thread(make_key, data_dir, "rider", "ruth")
    with serving(data_dir, SHUTDOWN_DELAY_S="2", **NO_LIMITS) as service:
        await asyncio.to_thread(service.wait_until_ready)
        service.process.send_signal(signal.SIGTERM)
        while (said := await asyncio.to_thread(service.call, "GET", "/readyz"))[0] == 200:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.01)
        assert said[2]["checks"] == {"service": "stopping"}
        status, headers, _ = await asyncio.to_thread(service.call, "POST", "/v1/match", key, a_search())
        assert (status, headers["Connection"]) == (200, "close")
        assert await asyncio.to_thread(service.process.wait, PATIENCE_S) == 0


def _metrics(port: int) -> str:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def _value(text: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def _until(service: Service, port: int, series: str, value: float) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        text = await asyncio.to_thread(_metrics, port)
        if _value(text, series) == value:
            return text
        assert time.monotonic() < deadline, f"{series} is {_value(text, series)}, not {value}"
        await asyncio.sleep(0.1)


async def test_a_worker_that_is_killed_is_replaced_and_counted_and_its_counters_stay(data_dir: Path) -> None:
    key = await asyncio.to_thread(make_key, data_dir, "rider", "rosa")
    ops = await asyncio.to_thread(make_key, data_dir, "ops", "otto")
    with serving(data_dir, WORKERS="2", METRICS_PORT="0", **NO_LIMITS) as service:
        await asyncio.to_thread(_wait_for_both, service)
        log = (data_dir / "serve.log").read_text()
        port = int(re.findall(r'"port": (\d+), "event": "metrics"', log)[-1])
        load = Load(f"http://{service.host}:{service.port}", key)
        running = asyncio.create_task(load.run())
        await _until_there_are(load, 60)
        load.stop.set()
        await running
        answered = load.statuses[200]
        series = 'carpool_http_request_seconds_count{method="POST",route="/v1/match",status="200"}'
        assert _value(await asyncio.to_thread(_metrics, port), series) == answered
        await _until(service, port, 'carpool_index_offers{worker="2"}', 0.0)
        pid = int(re.findall(r'"number": 2, "pid": (\d+), "event": "worker started"', log)[-1])
        os.kill(pid, signal.SIGKILL)
        text = await _until(service, port, 'carpool_workers_died_total{number="2"}', 1.0)
        assert _value(text, series) == answered, "what a worker has counted outlives it"
        assert 'carpool_index_offers{worker="2"}' not in text, "what a worker had does not"
        await _until(service, port, "carpool_workers_started_total", 3.0)
        text = await _until(service, port, "carpool_workers_running", 2.0)
        assert _value(text, 'carpool_workers_died_total{number="1"}') == 0.0
        status, _, _ = await asyncio.to_thread(_keyed_metrics, service, ops)
        assert status == 200
        assert await asyncio.to_thread(service.stop) == 0
    assert '"deaths_in_a_row": 1' in (data_dir / "serve.log").read_text()


def _keyed_metrics(service: Service, key: str) -> tuple[int, str, str]:
    import http.client

    connection = http.client.HTTPConnection(service.host, service.port, timeout=30)
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()
