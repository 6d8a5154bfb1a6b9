"""What operators see of calls: metrics by route, spans, and who may read them."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog
from aiohttp import ClientSession
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from api.app import build_app
from api.app_keys import METRICS, STREAMS
from api.watching.metrics import PrometheusTelemetry
from api.watching.metrics_listener import metrics_listener
from api.watching.tracing import Tracing
from matcher.domain.errors.tree import Unavailable
from matcher.settings.server import WatchSettings
from matcher.wiring.service import Carpool
from tests.api.edges import overloaded
from tests.api.live import SERVER, Live, a_search, ready, serving
from tests.api.streams import listening, until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@asynccontextmanager
async def watched(live: Live, *, tracing: Tracing | None = None, log_sample: float = 1.0) -> AsyncIterator[Live]:
    """Another edge on the same service, with metrics of its own."""

    @asynccontextmanager
    async def same() -> AsyncIterator[Carpool]:
        yield live.carpool

    watch = WatchSettings.default().model_copy(update={"log_sample": log_sample})
    async with serving(build_app(same(), SERVER, tracing=tracing, watch=watch)) as edge:
        await ready(edge)
        yield edge


async def test_calls_are_counted_by_route_and_searches_by_stage(live: Live) -> None:
    rider, ops = await live.key("rider"), await live.key("ops")
    async with watched(live) as edge:
        for _ in range(2):
            assert (await edge.call("POST", "/v1/match", rider, json=a_search())).status == 200
        await edge.call("GET", "/v1/offers/01890000-0000-7000-8000-000000000000", rider)
        await edge.call("GET", "/Balmaceda?q=1234", rider)
        answer = await edge.call("GET", "/metrics", ops)
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    text = answer.body.decode()
    count = "carpool_http_request_seconds_count"
    assert f'{count}{{method="POST",route="/v1/match",status="200"}} 2.0' in text
    assert f'{count}{{method="GET",route="/v1/offers/{{offer_id}}",status="403"}} 1.0' in text
    assert f'{count}{{method="GET",route="unmatched",status="404"}} 1.0' in text
    assert "Balmaceda" not in text
    assert "01890000" not in text
    stages = set(re.findall(r'carpool_search_stage_seconds_count{stage="(\w+)"} 2.0', text))
    assert {"places", "queue", "sweep", "gather", "check"} <= stages
    assert sum(map(float, re.findall(r"carpool_searches_total{.*} (\S+)", text))) == 2


async def test_a_stream_that_lasts_is_no_slow_call(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    class HoursLater:
        """The clock of the middlewares, once the stream has begun."""

        def perf_counter(self) -> float:
            return time.perf_counter() + 7200

    request, stream = "carpool_http_request_seconds", "carpool_event_stream_seconds"
    called = '{method="GET",route="/v1/events",status="200"}'
    rider = await live.key("rider")
    async with watched(live) as edge:

        async def numbers() -> dict[str, float]:
            lines = (await edge.app[METRICS].render())[0].decode().splitlines()
            return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}

        async with listening(edge, rider) as reader:
            await reader.begun()
            assert len(edge.app[STREAMS]) == 1
            assert f"{request}_count{called}" not in await numbers()
            monkeypatch.setattr("api.call.middlewares.time", HoursLater())
        await until(lambda: not len(edge.app[STREAMS]))
        while not (said := await numbers())[f"{stream}_count"]:
            pass
    assert said[f"{request}_count{called}"] == said[f"{stream}_count"] == 1
    assert said[f"{request}_sum{called}"] < 3600 < said[f"{stream}_sum"]
    assert not [name for name in said if '"/v1/events",status="499"' in name], (
        "whoever leaves a stream has been answered"
    )


async def test_numbers_of_the_parts_are_there(live: Live) -> None:
    text = (await live.call("GET", "/metrics", await live.key("admin"))).body.decode()
    for series in (
        'carpool_index_offers{worker="1"}',
        'carpool_index_lag_seconds{worker="1"}',
        'carpool_database_connections{state="idle",worker="1"}',
        'carpool_process_resident_bytes{worker="1"}',
        'carpool_event_streams{worker="1"}',
        "carpool_build_info{python=",
        "carpool_process_cpu_seconds_total",
    ):
        assert series in text


async def test_metrics_have_a_listener_of_their_own_when_it_is_asked_for() -> None:
    telemetry = PrometheusTelemetry()
    async with metrics_listener(WatchSettings.default(), telemetry.render) as port:
        assert port is None, "off by default"
    watch = WatchSettings.default().model_copy(update={"metrics_port": 0})
    async with metrics_listener(watch, telemetry.render) as port, ClientSession() as client:
        async with client.get(f"http://127.0.0.1:{port}/metrics") as answer:
            assert "carpool_shed_total" in await answer.text()
        async with client.get(f"http://127.0.0.1:{port}/v1/offers") as answer:
            assert answer.status == 404
        taken = WatchSettings.default().model_copy(update={"metrics_port": port})
        with pytest.raises(Unavailable, match="CARPOOL_METRICS_PORT"):
            async with metrics_listener(taken, telemetry.render):
                pass


async def test_good_calls_are_thinned_out_and_bad_ones_are_not(live: Live) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("info"))
    try:
        async with watched(live, log_sample=0.0) as edge:
            with structlog.testing.capture_logs() as lines:
                await edge.call("GET", "/")
                await edge.call("GET", "/nowhere")
    finally:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    assert [line["status"] for line in lines if line["event"] == "request"] == [404]


async def test_refusals_by_the_hundred_are_not_all_logged_and_none_is_lost_count_of(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OneMoment:
        """A clock that stands still until it is told."""

        now_s = 1000.0

        def perf_counter(self) -> float:
            return self.now_s

    clock, rider = OneMoment(), await live.key("rider")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("info"))
    try:
        async with watched(live) as edge:
            monkeypatch.setattr("api.call.middlewares.time", clock)
            with overloaded(live), structlog.testing.capture_logs() as lines:
                for _ in range(14):
                    assert (await edge.call("POST", "/v1/match", rider, json=a_search())).status == 503
                await edge.call("GET", "/nowhere")
                clock.now_s += 1
                await edge.call("POST", "/v1/match", rider, json=a_search())
    finally:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    said = [(line["status"], line.get("left_out", 0)) for line in lines if line["event"] == "request"]
    assert said == [*[(503, 0)] * 10, (404, 0), (503, 4)]


async def test_a_search_is_a_span_below_the_callers_with_its_stages_below_it(live: Live) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    rider = await live.key("rider")
    async with watched(live, tracing=Tracing(provider)) as edge:
        exporter.clear()
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        assert (await edge.call("POST", "/v1/match", rider, json=a_search(), headers=headers)).status == 200
        spans = exporter.get_finished_spans()
        exporter.clear()
        await edge.call("GET", "/v1/geocode?q=Balmaceda", "ck_a_b")
        (failed,) = exporter.get_finished_spans()
    (call,) = [span for span in spans if span.kind is SpanKind.SERVER]
    assert call.name == "POST /v1/match"
    assert call.context is not None
    assert f"{call.context.trace_id:032x}" == TRACE
    assert call.parent is not None
    assert f"{call.parent.span_id:016x}" == PARENT
    assert call.attributes == {
        "http.request.method": "POST", "http.route": "/v1/match", "http.response.status_code": 200,
    }  # fmt: skip
    stages = [span for span in spans if span is not call]
    assert {"search places", "search queue", "search sweep", "search check"} <= {span.name for span in stages}
    for span in stages:
        assert span.parent is not None
        assert span.parent.span_id == call.context.span_id
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.start_time <= span.end_time
    assert "Balmaceda" not in failed.to_json()
    assert failed.attributes is not None
    assert failed.attributes["http.response.status_code"] == 401
    assert failed.status.status_code is not StatusCode.ERROR
    provider.shutdown()


def test_nothing_of_opentelemetry_is_imported_unless_it_is_switched_on() -> None:
    program = "import sys, api.cli.__main__; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
