"""Metrics: every one is documented, numbers of parts are read, and those of several processes are added up."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.watching.metrics import PrometheusTelemetry, Refresher, render
from api.watching.metrics_folder import FOLDER_VARIABLE, SupervisorLog, metrics_folder
from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.operation.telemetry import (
    CPU,
    EVENTS_WAITING,
    HTTP_REQUEST,
    INDEX_OFFERS,
    METRICS,
    POOL,
    SEARCHES,
    SHED,
    Kind,
    Metric,
    Reading,
)

ROOT = Path(__file__).parents[4]
DOCUMENT = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")


def series(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


async def values(telemetry: PrometheusTelemetry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return series((await telemetry.render())[0])


def test_every_metric_is_documented_and_every_documented_one_is_there() -> None:
    rows = dict(re.findall(r"^\| `(carpool_\w+)` \| (\w+)", DOCUMENT, re.MULTILINE))
    assert rows == {metric.name: metric.kind.value for metric in METRICS}


@pytest.mark.parametrize("metric", METRICS, ids=[metric.name for metric in METRICS])
def test_labels_are_documented_beside_their_metric(metric: Metric) -> None:
    row = next(line for line in DOCUMENT.splitlines() if line.startswith(f"| `{metric.name}`"))
    wanted = {*metric.labels, *(("worker",) if metric.per_worker else ())}
    assert set(re.findall(r"`(\w+)`", row.split("|")[3])) == wanted


def test_names_are_those_that_prometheus_expects() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"carpool_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
        assert list(metric.buckets) == sorted(metric.buckets)


async def test_each_kind_is_kept_as_it_is() -> None:
    telemetry = PrometheusTelemetry(worker=3)
    telemetry.add(SHED, "queue")
    telemetry.add(SHED, "queue", amount=2)
    telemetry.set(POOL, 7, "used")
    telemetry.set(EVENTS_WAITING, 4)
    telemetry.observe(HTTP_REQUEST, 0.003, "GET", "/", "200")
    found = await values(telemetry)
    assert found["carpool_shed_total", (("reason", "queue"),)] == 3
    assert found["carpool_database_connections", (("state", "used"), ("worker", "3"))] == 7
    assert found["carpool_events_waiting", ()] == 4
    labels = (("method", "GET"), ("route", "/"), ("status", "200"))
    assert found["carpool_http_request_seconds_count", labels] == 1
    assert found["carpool_http_request_seconds_bucket", (("le", "0.005"), *labels)] == 1
    assert not [name for name, _ in found if name.endswith("_created")]


async def test_openmetrics_is_given_to_those_who_ask_for_it() -> None:
    text, media_type = await PrometheusTelemetry().render("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


async def test_parts_are_asked_and_one_that_is_away_keeps_its_number() -> None:
    telemetry, away, total = PrometheusTelemetry(), False, 10.0

    async def waiting() -> int:
        await asyncio.sleep(0)
        if away:
            raise DatabaseUnavailable("away")
        return 5

    def broken() -> float:
        raise KeyError("a defect")

    refresher = Refresher(
        telemetry,
        [Reading(SEARCHES, broken, ("matched",)), Reading(EVENTS_WAITING, waiting), Reading(CPU, lambda: total)],
    )
    await refresher.ask(elsewhere=False)
    away, total = True, 12.5
    await refresher.ask(elsewhere=False)
    found = await values(telemetry)
    assert found["carpool_events_waiting", ()] == 5
    assert found["carpool_process_cpu_seconds_total", ()] == 12.5


async def test_a_database_that_stands_still_holds_up_no_number_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.watching.metrics._TICK_S", 0.001)
    telemetry, asked, thrice = PrometheusTelemetry(), 0, asyncio.Event()

    def own() -> float:
        nonlocal asked
        asked += 1
        if asked == 3:
            thrice.set()
        return asked

    async def never() -> float:
        await asyncio.Event().wait()
        return 0.0

    readings = [Reading(EVENTS_WAITING, never, elsewhere=True), Reading(INDEX_OFFERS, own)]
    running = asyncio.create_task(Refresher(telemetry, readings).run(every_s=0.001))
    async with asyncio.timeout(120):
        await thrice.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


WORKER = """
import sys
from api.watching.metrics import PrometheusTelemetry
from matcher.operation.telemetry import HTTP_REQUEST, INDEX_OFFERS, SHED
number = int(sys.argv[1])
telemetry = PrometheusTelemetry.of_worker(number)
telemetry.set(INDEX_OFFERS, 100 * number)
telemetry.add(SHED, "queue", amount=number)
telemetry.observe(HTTP_REQUEST, 0.01, "GET", "/", "200")
print("done", flush=True)
sys.stdin.read()
"""


def _worker(folder: Path, number: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, FOLDER_VARIABLE: str(folder), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(number)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"done\n"
    return process


def test_workers_are_added_up_and_one_that_died_leaves_its_counters_only() -> None:
    with metrics_folder() as folder:
        log = SupervisorLog(folder)
        workers = {}
        for number in (1, 2):
            workers[number] = _worker(folder, number)
            log.started(number)
        assert series(render(None, folder, "")[0])["carpool_workers_died_total", (("number", "2"),)] == 0
        workers[2].kill()
        workers[2].communicate()
        log.ended(2, workers[2].pid, by_itself=True)
        found = series(render(None, folder, "")[0])
        assert found["carpool_shed_total", (("reason", "queue"),)] == 3
        labels = (("method", "GET"), ("route", "/"), ("status", "200"))
        assert found["carpool_http_request_seconds_count", labels] == 2
        offers = {labels: value for (name, labels), value in found.items() if name == INDEX_OFFERS.name}
        assert offers == {(("worker", "1"),): 100}
        assert found["carpool_workers_started_total", ()] == 2
        assert found["carpool_workers_running", ()] == 1
        assert found["carpool_workers_died_total", (("number", "2"),)] == 1
        # Another one under the same number, as the supervisor starts it: what the first had counted is still there.
        workers[2] = _worker(folder, 2)
        log.started(2)
        before, found = found, series(render(None, folder, "")[0])
        offers = {labels: value for (name, labels), value in found.items() if name == INDEX_OFFERS.name}
        assert offers == {(("worker", "1"),): 100, (("worker", "2"),): 200}
        assert found["carpool_shed_total", (("reason", "queue"),)] == 5
        grows = ("_total", "_count", "_sum", "_bucket")
        assert all(found[one] >= value for one, value in before.items() if one[0].endswith(grows))
        workers[2].communicate()
        log.ended(2, workers[2].pid, by_itself=False)
        workers[1].communicate()
        log.ended(1, workers[1].pid, by_itself=False)
        found = series(render(None, folder, "")[0])
        assert found["carpool_shed_total", (("reason", "queue"),)] == 5
        assert not [name for name, _ in found if name == INDEX_OFFERS.name]
        assert found["carpool_workers_died_total", (("number", "1"),)] == 0
    assert not folder.exists()


def test_what_a_supervisor_that_was_killed_left_behind_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left = tmp_path / f"carpool-metrics-{int(gone.stdout)}-abc"
    alive, foreign = tmp_path / f"carpool-metrics-{os.getpid()}-abc", tmp_path / "carpool-metrics-mine"
    for folder in (left, alive, foreign):
        folder.mkdir()
    with metrics_folder() as folder:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([folder.name, alive.name, foreign.name])
