"""Settings of the HTTP service, its logs, metrics and traces."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from matcher.settings.base import Concern


class ServerSettings(Concern):
    """Where and how the HTTP service listens."""

    host: str = Field("127.0.0.1", description="listen address; 0.0.0.0 for all interfaces")
    port: int = Field(8080, ge=0, le=65535, description="TCP port; 0 picks a free one")
    workers: int = Field(
        1, ge=1, le=256, description="worker processes on the same port; each holds all offers in memory"
    )
    shutdown_grace_s: float = Field(20.0, ge=0, le=600, description="time a shutdown waits for calls in progress")
    pages: bool = Field(
        True, description="serve pages for people at /ride, /drive and /ops, and the tiles of their map"
    )
    max_body_bytes: int = Field(256 * 1024, ge=1024, le=16 * 1024 * 1024, description="larger bodies get 413")
    max_in_flight: int = Field(
        256,
        ge=1,
        le=100_000,
        description="calls in flight at once; further ones get 503. One caller may take as many as are free",
    )
    calls_at_once: int = Field(
        16, ge=1, le=100_000, description="calls of one caller handled at once; further ones wait for their turn"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="lowest severity that is logged"
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="json: one object per line; console: readable text"
    )


class WatchSettings(Concern):
    """What operators see: metrics, logs, traces."""

    metrics_host: str = Field("127.0.0.1", description="listen address for metrics; that listener requires no key")
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="port for metrics; default: /metrics of the service itself, for the roles ops and admin",
    )
    log_sample: float = Field(
        1.0, ge=0, le=1, description="share of successful calls that are logged; failed calls always are"
    )
    traces: bool = Field(
        False, description="send OpenTelemetry traces; needs the extra `otel`; OTEL_… variables name the collector"
    )
