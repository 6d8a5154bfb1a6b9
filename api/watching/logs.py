"""Logs: one JSON object a line for machines, or coloured text for people, on standard error."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from typing import Any

import structlog

#: Must never be logged, wherever it comes from. Nothing private is logged in the first place; this is the safety net.
_SECRETS = re.compile(
    r"\bck_[A-Za-z0-9]+_[A-Za-z0-9_-]+"  # an API key
    r"|\bwhsec_[A-Za-z0-9+/=_-]+"  # a secret that webhooks are signed with
    r"|\beyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"  # a JSON web token (RFC 7519)
    r"|(?i:\bbearer\s+)[A-Za-z0-9._~+/-]+=*"
    r"|(?<=://)[^/\s@]+(?=@)"  # user and password of a URL
    r"|(?<=[\w/])\?[\w%.~-]+=\S*"  # a query string, which may be an address
)
#: Degrees with three or more digits after the point are finer than a kilometre.
_FINE = re.compile(r"(?<![\w.])(-?\d{1,3}\.\d{2})\d+(?![\w.])")
#: What is ours in every line: looking through it is half of the cost of a line.
_OURS = frozenset({"timestamp", "level", "logger", "request_id", "method", "route", "status", "worker"})
#: Numbers that look like degrees and are none.
_MEASURES = ("_s", "_ms", "_m", "_mb")


def scrub(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Remove from every value what may not be logged: keys, tokens, passwords, queries, and places finer than 1 km."""
    for name, value in event.items():
        if name not in _OURS and not name.endswith(_MEASURES):
            event[name] = _scrubbed(value)
    return event


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return _FINE.sub(r"\1", _SECRETS.sub("[removed]", value))
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, dict):
        return {key: _scrubbed(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_scrubbed(one) for one in value]
    return value


def error_without_words(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Where an error happened and of which kind it is, never its text, which may quote what a caller sent."""
    given = event.pop("exc_info", None)
    if not given:
        return event
    error = given if isinstance(given, BaseException) else (given if isinstance(given, tuple) else sys.exc_info())[1]
    if error is not None:
        event["kind"] = f"{type(error).__module__}.{type(error).__qualname__}"
        event["frames"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
        ]
    return event


def configure_logging(level: str = "info", form: str = "json") -> None:
    """Send everything, also what libraries log, to standard error as `form` ("json" or "console") from `level` on.

    Nothing that is logged may carry coordinates, addresses or keys: handlers log templates and counts, never values.
    Context variables, the request id among them, are on every line, also on those of threads and of what goes on in the
    background.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                error_without_words,
                scrub,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
