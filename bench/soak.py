"""Ask for more than there is, and break things meanwhile: what callers see of it, and whether anything is lost.

    bench/soak.py [--minutes 2] [--seconds 20] [--offers 10000] [--only NAME …] [--json FILE] [--write]

`carpool serve --workers 2` on an embedded PostgreSQL in a temporary folder; calls leave at fixed rates, from a process
of its own, whether or not earlier ones were answered. A Markdown table is printed; `--write` puts it into
docs/operations.md. The exit code is not 0 when something that was answered 201 is lost, when `carpool check` finds
anything, or when an aim is missed by far; lines at the end say which. See README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Not this folder, where a module is named like the standard library's http, but the one above it.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import argparse
import asyncio
import json
import os
import platform
import shlex
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rich.console import Console

from bench.load_calls import calls_of_users, fill_offers
from bench.load_generator import Calls, Kind, Plan
from bench.load_process import LoadProcess, load_process
from bench.load_service import ROOT, Service, checked, data_folder, ended_by_signals, serving
from bench.load_usage import machine_busy_s, tree_usage
from bench.load_world import stored_world
from bench.soak_faults import FAULTS, Scene
from bench.soak_report import (
    LIMITED,
    OVERLOAD,
    QUIET,
    Json,
    Moment,
    markdown,
    phase_row,
    put_into,
    shortcomings,
)
from bench.worlds import draw_offers
from matcher.postgres.embedded.postmaster import Postmaster
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.roads.region.store import SAMPLE_NAME

SEED = 20261203
DOCUMENT = ROOT / "docs" / "operations.md"
PUBLISH_SHARE = 0.1
USERS = 200
#: Searches of one user, of whom the others are too many for any to come near it.
USER_RATE, USER_BURST = 6, 20
WARM_UP_S = 6.0
CAPACITY_S, CAPACITY_CALLERS = 8.0, 6
LIMITED_S = 10.0
#: Shares of what the service can do: with little to do, and while things break.
QUIET_SHARE, STEADY_SHARE = 0.1, 0.3
QUIET_LEAST, QUIET_MOST = 5.0, 25.0
FAULT_AFTER_S = 4.0
LONGEST_FAULT_S = 600.0
LOOK_EVERY_S = 0.5


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    console = Console(stderr=True)
    begun = time.monotonic()
    with ended_by_signals(), ExitStack() as stack:
        data_dir = stack.enter_context(data_folder())
        console.print(f"the region, {options.offers:,} offers …")
        stored = stored_world(data_dir, SAMPLE_NAME)
        database = stack.enter_context(EmbeddedPostgres(data_dir))
        asyncio.run(fill_offers(database.url, stored, draw_offers(stored.world, options.offers, SEED)))
        calls = calls_of_users(stored, data_dir, SAMPLE_NAME, SEED, users=USERS)
        console.print("the service …")
        limits = {"CARPOOL_RATE_SEARCH_PER_MINUTE": str(60 * USER_RATE), "CARPOOL_RATE_SEARCH_BURST": str(USER_BURST)}
        unlimited = {f"CARPOOL_RATE_{kind}_PER_MINUTE": "0" for kind in ("WRITE", "READ")}
        service = stack.enter_context(serving(data_dir, SAMPLE_NAME, options.workers, limits | unlimited))
        generator = stack.enter_context(load_process())
        scene = Scene(service.pid, database, data_dir, pause_s=10.0)
        soak = Soak(options, service, scene, generator, calls, console)
        rows = soak.run()
        result: Json = {
            "command": shlex.join(["bench/soak.py", *sys.argv[1:]]),
            "offers": options.offers,
            "workers": options.workers,
            "capacity": soak.capacity,
            "published": len(soak.created),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "took_s": round(time.monotonic() - begun),
            "phases": rows,
        }
    found, missed = shortcomings(result)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result | {"failed": found, "missed": missed}, indent=2) + "\n", "utf-8")
    table = markdown(result, found, missed)
    print(table)
    if options.write:
        put_into(DOCUMENT, table)
    for line in found:
        print(f"FAILED: {line}", file=sys.stderr)
    sys.exit(1 if found else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long there is too much to do (default 2)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each other phase lasts (default 20)")
    parser.add_argument("--offers", type=int, default=10_000, help="active offers at the start (default 10000)")
    parser.add_argument("--workers", type=int, default=2, help="processes that serve (default 2)")
    parser.add_argument("--times", type=float, default=3.0, help="overload, as a multiple of what it can (default 3)")
    parser.add_argument("--overload", type=float, help="overload in calls a second, instead")
    parser.add_argument("--only", action="append", metavar="NAME", help="this phase only; may be repeated")
    parser.add_argument("--check-last", action="store_true", help="run `carpool check` once, at the end")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT.relative_to(ROOT)}")
    return parser.parse_args()


@dataclass(frozen=True)
class Phase:
    """A load for so many seconds, after the fault if there is one; `one_user`: all searches are one user's."""

    name: str
    rate: float
    seconds: float
    fault: Callable[[Scene], None] | None = None
    one_user: bool = False


class Soak:
    """A service, and what is done to it."""

    def __init__(
        self,
        options: argparse.Namespace,
        service: Service,
        scene: Scene,
        generator: LoadProcess,
        calls: dict[Kind, Calls],
        console: Console,
    ) -> None:
        self._options = options
        self._service = service
        self._scene = scene
        self._generator = generator
        self._calls = calls
        self._console = console
        self._seed = SEED
        self.capacity = 0.0
        self.created: list[str] = []

    def run(self) -> list[Json]:
        """One phase after the other; what each has come to."""
        self._load(Phase("warm-up", 20.0, WARM_UP_S))
        self.capacity = round(self._can_do(), 1)
        self._console.print(f"it answers {self.capacity:g} calls a second of callers who take turns")
        return [self._phase(phase) for phase in self._phases()]

    def _phases(self) -> list[Phase]:
        options = self._options
        quiet = round(min(QUIET_MOST, max(QUIET_LEAST, QUIET_SHARE * self.capacity)))
        steady = round(max(QUIET_LEAST, STEADY_SHARE * self.capacity))
        too_much = options.overload or round(options.times * self.capacity, -1)
        phases = [
            Phase(QUIET, quiet, max(options.seconds, 30.0)),
            Phase(OVERLOAD, too_much, 60 * options.minutes),
            Phase(LIMITED, 5 * USER_RATE, LIMITED_S, one_user=True),
            *(Phase(name, steady, options.seconds, fault) for name, fault in FAULTS.items()),
        ]
        return [phase for phase in phases if options.only is None or phase.name in options.only]

    def _can_do(self) -> float:
        """Good answers a second when a few callers ask again as soon as they are answered."""
        plan = self._plan(Phase("capacity", 10_000 / CAPACITY_S, CAPACITY_S))
        self._generator.begin(replace(plan, callers=CAPACITY_CALLERS))
        done = self._generator.result()
        self.created.extend(done.created)
        fine = sum(answer.status in (200, 201) for answer in done.answers)
        return float(fine / (done.end_s - done.begin_s))

    def _phase(self, phase: Phase) -> Json:
        self._console.print(f"{phase.name}: {phase.rate:g} calls a second for {phase.seconds:g} s …")
        before = len(self.created)
        row = self._load(phase)
        row["well_after_s"] = self._scene.wait_until_well(self._service.url, self._options.workers)
        row["published"] = len(self.created) - before
        row["lost"] = asyncio.run(self._scene.missing(self.created[before:]))
        row["index_agrees"] = self._scene.wait_until_index_agrees(self._service.url)
        last = self._phases()[-1].name == phase.name
        row["check"] = checked(self._scene.data_dir, SAMPLE_NAME) if last or not self._options.check_last else None
        return row

    def _load(self, phase: Phase) -> Json:
        """What came of a phase."""
        moments: list[Moment] = []
        fault_s: tuple[float, float] | None = None
        begin, busy = time.monotonic(), machine_busy_s()
        service, database = self._usage()
        self._generator.begin(self._plan(phase))
        while not self._generator.is_done(LOOK_EVERY_S):
            if phase.fault is not None and fault_s is None and time.monotonic() > begin + FAULT_AFTER_S:
                fault_begin = time.monotonic()
                phase.fault(self._scene)
                fault_s = fault_begin, time.monotonic()
            if fault_s is not None and time.monotonic() > fault_s[1] + phase.seconds:
                self._generator.stop()
            usage = tree_usage(self._service.pid)
            moments.append(Moment(time.monotonic(), usage.rss_mb if usage.pss_mb is None else usage.pss_mb))
        done = self._generator.result()
        self.created.extend(done.created)
        span_s = time.monotonic() - begin
        used = [max(0.0, late - early) for late, early in zip(self._usage(), (service, database), strict=True)]
        others = max(0.0, machine_busy_s() - busy - done.cpu_s - sum(used))
        cores = {"service": used[0], "database": used[1], "generator": done.cpu_s, "others": others}
        return phase_row(phase.name, phase.rate, done, moments, fault_s) | {
            "cores": {name: round(seconds / span_s, 2) for name, seconds in cores.items()}
        }

    def _plan(self, phase: Phase) -> Plan:
        self._seed += 1
        share, calls = PUBLISH_SHARE, self._calls
        if phase.one_user:
            share, calls = 0.0, {kind: replace(one, users=one.users[:1]) for kind, one in calls.items()}
        seconds = phase.seconds if phase.fault is None else LONGEST_FAULT_S
        return Plan(self._service.url, phase.rate, round(phase.rate * seconds), share, self._seed, calls)

    def _usage(self) -> tuple[float, float]:
        """CPU seconds of the service and of PostgreSQL; less than before when it was started anew."""
        postgres = Postmaster.find(self._scene.database.home.data)
        database = 0.0 if postgres is None else tree_usage(postgres.pid).cpu_s
        return tree_usage(self._service.pid).cpu_s, database


if __name__ == "__main__":
    main()
