"""What the service tells of itself while it works: every metric there is, declared once, and where to send it.

A part that counts something takes a `Telemetry` (QUIET when nobody watches); one that only *has* a number offers a
`Reading`, which is asked for it every few seconds. What becomes of them is not known here: api/watching/metrics.py
makes Prometheus metrics of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol


class Kind(StrEnum):
    """How a metric behaves: a counter only grows, a gauge is what it is now, a histogram counts values by size."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its name (with its unit, and `_total` for a counter), help text, labels, and a histogram's upper
    bounds.

    `per_worker`: each process has its own value, labelled `worker`; otherwise a gauge is the same in every process.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    per_worker: bool = False


_CALL_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_STREAM_S = (1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0)
_STAGE_S = (0.0001, 0.0003, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)


def _counter(name: str, what: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, what, labels)


def _gauge(name: str, what: str, *labels: str, per_worker: bool = True) -> Metric:
    return Metric(name, Kind.GAUGE, what, labels, per_worker=per_worker)


HTTP_REQUEST = Metric(
    "carpool_http_request_seconds", Kind.HISTOGRAM,
    "Time to answer a call, by the template of its path", ("method", "route", "status"), _CALL_S,
)  # fmt: skip
HTTP_IN_PROGRESS = _gauge("carpool_http_requests_in_progress", "Calls that are being worked on")
HTTP_CONNECTIONS = _gauge("carpool_http_connections", "Open connections of callers")
STREAMS_OPEN = _gauge("carpool_event_streams", "Streams of events that callers listen on")
STREAM = Metric(
    "carpool_event_stream_seconds", Kind.HISTOGRAM, "How long streams of events lasted that have ended", (), _STREAM_S
)
RATE_LIMITED = _counter(
    "carpool_rate_limited_total", "Calls refused with 429, by the limit that they ran into", "limit"
)
RATE_STORE_FAILURES = _counter(
    "carpool_rate_limit_store_failures_total",
    "Times that the shared limits could not be asked, so that each process limited alone",
)
SHED = _counter(
    "carpool_shed_total",
    "Calls refused to keep the others fast: queue, in_flight, share, connections, address, export, deadline",
    "reason",
)  # fmt: skip
SLOW_CLIENTS = _counter("carpool_slow_clients_total", "Callers cut off for slowness: header, body, write", "part")
SEARCH_STAGE = Metric(
    "carpool_search_stage_seconds", Kind.HISTOGRAM,
    "Time of each stage of a search; `queue` is the wait for a processor", ("stage",), _STAGE_S,
)  # fmt: skip
SEARCHES = _counter("carpool_searches_total", "Searches answered: matched or empty", "outcome")
TURNED_AWAY = _counter("carpool_turned_away_total", "Offers that searches turned away, by reason", "reason")
QUEUE_WAIT = _gauge("carpool_search_queue_seconds", "How long a search that came now would wait for a processor")
LOOP_LAG = _gauge("carpool_event_loop_lag_seconds", "How late the event loop is")
INDEX_OFFERS = _gauge("carpool_index_offers", "Offers that can be matched right now")
INDEX_LAG = _gauge("carpool_index_lag_seconds", "How far the offers in memory are behind the database at most")
POOL = _gauge("carpool_database_connections", "Connections to the database: used or idle", "state")
POOL_LIMIT = _gauge("carpool_database_connections_limit", "Most connections to the database at once")
GEOCODER_CALLS = _counter(
    "carpool_geocoder_calls_total",
    "Look-ups that reached a geocoder: found, not_found, ambiguous, unavailable",
    "geocoder",
    "outcome",
)  # fmt: skip
GEOCODER_CACHE = _counter(
    "carpool_geocoder_cache_total",
    "Look-ups by what the cache of a network geocoder had: hit, miss, error",
    "geocoder",
    "outcome",
)  # fmt: skip
EVENTS_WAITING = _gauge("carpool_events_waiting", "Events that have yet to be delivered to somebody", per_worker=False)
EVENTS_DEAD = _gauge("carpool_events_dead", "Deliveries given up after the last try", per_worker=False)
SEARCH_LOG_LOST = _counter("carpool_search_log_lost_total", "Searches that left no row in the statistics")
JOB_FAILING = _gauge(
    "carpool_job_failing",
    "1 when the last turn of a background job of this process did not do what it should, else 0",
    "name",
)  # fmt: skip
MEMORY = _gauge("carpool_process_resident_bytes", "Memory of a process")
CPU = _counter("carpool_process_cpu_seconds_total", "Processor time of all processes")
BUILD = Metric(
    "carpool_build_info", Kind.GAUGE, "1, labelled with the version, the region and the Python it runs on",
    ("version", "region", "python"),
)  # fmt: skip
WORKERS_STARTED = _counter("carpool_workers_started_total", "Processes started by the supervisor")
WORKERS_DIED = _counter(
    "carpool_workers_died_total", "Processes that ended by themselves, by the number of the worker", "number"
)
WORKERS_RUNNING = _gauge("carpool_workers_running", "Processes that the supervisor has running", per_worker=False)

#: Every metric there is; docs/observability.md lists the same.
METRICS: Final[tuple[Metric, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))


class Telemetry(Protocol):
    """Records what happens.

    Never blocks, never raises; labels come in the order of their declaration, without `worker`.
    """

    def add(self, metric: Metric, *labels: str, amount: float = 1.0) -> None:
        """A counter grows."""

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """One more value for a histogram."""

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """A gauge has a new value."""


class Unwatched:
    """A Telemetry that nobody looks at."""

    def add(self, metric: Metric, *labels: str, amount: float = 1.0) -> None: ...

    def observe(self, metric: Metric, value: float, *labels: str) -> None: ...

    def set(self, metric: Metric, value: float, *labels: str) -> None: ...


QUIET: Final[Telemetry] = Unwatched()


@dataclass(frozen=True, slots=True)
class Reading:
    """A number that some part has: asked for every few seconds. For a counter it is the total since the process began.

    `read` may raise Unavailable: the gauge keeps its value then. `elsewhere`: it asks the database, which may take its
    time; the numbers of the process do not wait for it.
    """

    metric: Metric
    read: Callable[[], float | Awaitable[float]]
    labels: tuple[str, ...] = ()
    elsewhere: bool = False
