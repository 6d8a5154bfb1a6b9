"""The net below the rule that nothing private is logged, and what every line has."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from api.call.middlewares import _in_sample
from api.watching.logs import configure_logging, scrub
from matcher.operation.compute_threads import ComputeThreads


@pytest.fixture
def json_lines() -> Iterator[io.StringIO]:
    """The log as `carpool serve` writes it."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("info", "json")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    handler.setStream(written)
    yield written
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(written: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("key ck_4a5a1b5326d9ae21_Zm9v-YmFy_x is bad", "key [removed] is bad"),
        ("Authorization: Bearer abc.def-123==", "Authorization: [removed]"),
        ("token eyJhbGciOi.eyJzdWIiOi.c2ln", "token [removed]"),
        ("signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "signed with [removed]"),
        ("postgresql://carpool:hunter2@db:5432/x failed", "postgresql://[removed]@db:5432/x failed"),
        ("GET /v1/geocode?q=Balmaceda+1234&limit=5 HTTP/1.1", "GET /v1/geocode[removed] HTTP/1.1"),
        ("at -29.953123,-71.338456 there", "at -29.95,-71.33 there"),
        ("version 3.11.7 took 12.345678 s?", "version 3.11.7 took 12.34 s?"),
        ("2026-11-23T23:28:06.126180Z", "2026-11-23T23:28:06.126180Z"),
        ("nothing private", "nothing private"),
    ],
)
def test_private_words_are_taken_out(text: str, left: str) -> None:
    assert scrub(None, "info", {"event": text})["event"] == left


def test_private_words_are_taken_out_of_what_is_inside() -> None:
    event = {"event": "x", "places": [{"lat": -29.953123}, "Bearer abc"], "took_ms": 1.23456, "pair": (-71.338,)}
    assert scrub(None, "info", event) == {
        "event": "x", "places": [{"lat": -29.95}, "[removed]"], "took_ms": 1.23456, "pair": [-71.34],
    }  # fmt: skip


def test_an_exception_is_logged_without_its_text(json_lines: io.StringIO) -> None:
    try:
        int("Balmaceda 1234, La Serena")
    except ValueError:
        logging.getLogger("matcher.somewhere").exception("it failed")
        structlog.get_logger("api").error("it failed too", exc_info=True)
    assert "Balmaceda" not in json_lines.getvalue()
    both = lines(json_lines)
    assert len(both) == 2
    for line in both:
        assert line["kind"] == "builtins.ValueError"
        assert "test_logs.py" in str(line["frames"])


async def test_the_request_id_goes_where_the_work_goes(json_lines: io.StringIO) -> None:
    log = logging.getLogger("matcher.somewhere")

    async def later() -> None:
        await asyncio.sleep(0)
        log.warning("in the background")

    with structlog.contextvars.bound_contextvars(request_id="abc-1"), ComputeThreads(1) as threads:
        await asyncio.get_running_loop().run_in_executor(threads, log.warning, "in a thread")
        background = asyncio.create_task(later())
    await background
    # Services of other tests may be at work on the same loop and log their own.
    ours = [line for line in lines(json_lines) if line["logger"] == log.name]
    found = [(line["event"], line["request_id"]) for line in ours]
    assert found == [("in a thread", "abc-1"), ("in the background", "abc-1")]


def test_a_sample_is_the_same_in_every_process_and_of_the_right_size() -> None:
    ids = [f"request-{number}" for number in range(4000)]
    kept = [one for one in ids if _in_sample(one, 0.25)]
    assert kept == [one for one in ids if _in_sample(one, 0.25)]
    assert 800 < len(kept) < 1200
    assert all(_in_sample(one, 1.0) for one in ids)
    assert not any(_in_sample(one, 0.0) for one in ids)
