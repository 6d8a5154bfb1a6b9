"""OpenTelemetry traces: a span for each call, by the template of its path, and one for each stage of a search.

An extra: nothing of OpenTelemetry is imported until tracing is switched on. Spans carry no path, no query and no body,
as those may be addresses and coordinates.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from matcher.settings.base import SettingsInvalid

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_SERVICE = "carpool-matcher"
_MS = 1_000_000


class Tracing:
    """Makes spans with one provider."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace  # noqa: PLC0415  # an extra, imported only when it is used
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415  # the same

        self._trace = trace
        self._provider = provider
        self._tracer = provider.get_tracer(_SERVICE)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def call(self, request: web.Request, route: str) -> Iterator[Any]:
        """A span around a call, below the caller's own when it sends a W3C `traceparent`."""
        parent = self._propagator.extract({name.lower(): value for name, value in request.headers.items()})
        with self._tracer.start_as_current_span(
            f"{request.method} {route}",
            context=parent,
            kind=self._trace.SpanKind.SERVER,
            attributes={"http.request.method": request.method, "http.route": route},
            record_exception=False,
        ) as span:
            yield span

    def answered(self, span: Any, status: int) -> None:
        """How the call of a span ended."""
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(self._trace.StatusCode.ERROR)

    def stages(self, stages_ms: Mapping[str, float]) -> None:
        """Spans below the current one for stages that have just ended, one after the other; repeats are summed."""
        at_ns = time.time_ns() - int(sum(stages_ms.values()) * _MS)
        for stage, spent_ms in stages_ms.items():
            span = self._tracer.start_span(f"search {stage}", start_time=at_ns)
            at_ns += int(spent_ms * _MS)
            span.end(at_ns)

    def close(self) -> None:
        """Send what has not been sent. Blocks."""
        self._provider.shutdown()


def make_tracing(version: str, worker: int = 1) -> Tracing:
    """Tracing to the collector that the standard OTEL_… variables name. Raises SettingsInvalid without the extra."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # the same
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # the same
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  # the same
    except ImportError as error:
        raise SettingsInvalid("CARPOOL_TRACES is on: install carpool-matcher[otel], or turn it off") from error
    attributes = {"service.name": _SERVICE, "service.version": version, "service.instance.id": str(worker)}
    provider = TracerProvider(resource=Resource.create(attributes))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
