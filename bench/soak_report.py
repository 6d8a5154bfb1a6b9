"""The results of `bench/soak.py`: a row for each phase, missed targets, and the table of docs/operations.md."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.load_generator import Answer, Load

Json = dict[str, Any]

QUIET, OVERLOAD, LIMITED = "little to do", "more than it can", "one user, beyond the limit"
#: What is let in while there is too much to do may take so many times what it takes when there is little to do.
AIM_TIMES, FAR_TIMES = 2.0, 3.0
#: What is refused is refused at once: within this, or within what an answer takes when there is little to do.
REFUSED_MS, FAR_REFUSED_MS = 100.0, 500.0
#: Memory counts as flat below this growth, as a share and beside it in MB; what was published takes some.
FLAT_SHARE, FLAT_MB = 0.05, 20.0
_FINE = (200, 201)
_REFUSED = (429, 503)
_SLOW_S = 1.0
_BEGIN, _END = "<!-- soak: made by bench/soak.py --write -->", "<!-- end of soak -->"


class Moment(NamedTuple):
    """The memory of the service at a moment of time.monotonic()."""

    at_s: float
    memory_mb: float


def phase_row(name: str, rate: float, load: Load, moments: list[Moment], fault_s: tuple[float, float] | None) -> Json:
    """The figures of one phase. `fault_s`: beginning and end of the fault, by time.monotonic()."""
    fine = [answer for answer in load.answers if answer.status in _FINE]
    refused = [answer for answer in load.answers if answer.status in _REFUSED]
    statuses = Counter(answer.status for answer in load.answers)
    failed = {
        kind: count for kind, count in sorted(load.errors.items()) if not kind.endswith(tuple(map(str, _REFUSED)))
    }
    quarter = max(1, len(moments) // 4)
    return {
        "phase": name,
        "rate": rate,
        "seconds": round(load.end_s - load.begin_s, 1),
        "sent": len(load.answers),
        "fine": len(fine),
        "fine_a_second": round(len(fine) / (load.end_s - load.begin_s), 1),
        "fine_ms": _percentiles(fine),
        "by_kind_ms": {
            kind.value: {f"p{at}": _percentile([1000 * x for x in latencies], at) for at in (50, 95, 99)}
            for kind, latencies in load.latency_s.items()
        },
        "refused": {str(status): statuses[status] for status in _REFUSED if statuses[status]},
        "refused_ms": _percentiles(refused),
        "failed": failed,
        **_trouble(load, fault_s),
        "memory_mb": [round(float(np.median([one.memory_mb for one in part])), 1) for part in _ends(moments, quarter)],
        "late_ms_p99": _percentile([1000 * late for late in load.late_s], 99),
    }


def _ends(moments: list[Moment], count: int) -> tuple[list[Moment], list[Moment]]:
    return moments[:count], moments[-count:]


def _trouble(load: Load, fault_s: tuple[float, float] | None) -> Json:
    """trouble_s: from the fault to when the last call was due that was not answered well, or took over a second;
    recovery_s: the same from when the fault was over. None without a fault, 0 when nobody noticed."""
    if fault_s is None:
        return {"trouble_s": None, "recovery_s": None}
    begin_s, end_s = (moment - load.begin_s for moment in fault_s)
    bad = [one.due_s for one in load.answers if one.due_s > begin_s - _SLOW_S and _is_bad(one)]
    last_s = max(bad, default=begin_s)
    return {"trouble_s": round(max(0.0, last_s - begin_s), 1), "recovery_s": round(max(0.0, last_s - end_s), 1)}


def _is_bad(one: Answer) -> bool:
    return one.status not in _FINE or one.latency_s > _SLOW_S


def _percentiles(answers: list[Answer]) -> dict[str, float | None]:
    return {f"p{at}": _percentile([1000 * answer.latency_s for answer in answers], at) for at in (50, 95, 99, 100)}


def _percentile(values: list[float], at: int) -> float | None:
    return round(float(np.percentile(values, at)), 1) if values else None


def shortcomings(result: Json) -> tuple[list[str], list[str]]:
    """(what must not be, for which the run counts as failed; what missed an aim by little)."""
    found: list[str] = []
    missed: list[str] = []
    rows = {row["phase"]: row for row in result["phases"]}
    for name, row in rows.items():
        if row["lost"]:
            found.append(f"{name}: {row['lost']} offers that were answered 201 are not stored")
        if row["check"]:
            found.append(f"{name}: carpool check says {row['check']}")
        if row["well_after_s"] is None:
            found.append(f"{name}: the service did not recover")
        if not row["index_agrees"]:
            found.append(f"{name}: a worker does not have all stored offers in memory")
    calm = [rows[name] for name in (QUIET, OVERLOAD, LIMITED) if name in rows]
    found += [f"{row['phase']}: {row['failed']}" for row in calm if row["failed"]]
    if OVERLOAD in rows:
        over = rows[OVERLOAD]
        _compare(over, rows.get(QUIET), found, missed)
        begin, end = over["memory_mb"]
        if end - begin > max(FLAT_MB, FLAT_SHARE * begin):
            found.append(f"{OVERLOAD}: memory grew from {begin:g} to {end:g} MB")
        if "429" in over["refused"]:
            found.append(
                f"{OVERLOAD}: {over['refused']['429']} calls met the limit of a user, so capacity was not tested"
            )
    return found, missed


def _compare(over: Json, quiet: Json | None, found: list[str], missed: list[str]) -> None:
    if quiet is not None:
        calm_ms, busy_ms = quiet["fine_ms"]["p99"], over["fine_ms"]["p99"]
        words = (
            f"accepted calls take {busy_ms:g} ms at the 99th percentile, "
            f"{busy_ms / calm_ms:.1f} times the {calm_ms:g} ms under light load"
        )
        if busy_ms > AIM_TIMES * calm_ms:
            (found if busy_ms > FAR_TIMES * calm_ms else missed).append(words)
    refused_ms = over["refused_ms"]["p99"]
    if refused_ms is not None and refused_ms > REFUSED_MS:
        words = f"a refusal takes {refused_ms:g} ms at the 99th percentile"
        (found if refused_ms > FAR_REFUSED_MS else missed).append(words)


def markdown(result: Json, found: list[str], missed: list[str]) -> str:
    """The table, and what it was measured with."""
    lines = [
        (
            "| What happened | Calls a second | Answered | p50 / p99, ms | Refused, p99 ms | Other errors | Trouble, s "
            "| Well again after, s | Lost; `check` | Memory, MB | Cores: service, PostgreSQL, generator, others |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in result["phases"]:
        cells = [
            row["phase"],
            f"{row['rate']:g} for {row['seconds']:.0f} s",
            f"{row['fine']:,} of {row['sent']:,}",
            f"{row['fine_ms']['p50']} / {row['fine_ms']['p99']}",
            _refusals(row),
            ", ".join(f"{count} {kind}" for kind, count in row["failed"].items()) or "none",
            "" if row["trouble_s"] is None else f"{row['trouble_s']:g}",
            "" if row["recovery_s"] is None else f"{row['recovery_s']:g}",
            f"{row['lost']} of {row['published']:,}; {_violations(row['check'])}",
            " → ".join(f"{one:g}" for one in row["memory_mb"]),
            ", ".join(f"{row['cores'][name]:g}" for name in ("service", "database", "generator", "others")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"`{result['command']}`, {result['took_s']} s in all, {result['measured_at'][:10]}: "
        f"{result['offers']:,} offers, {result['workers']} workers, {result['machine']}. "
        f"Callers who take turns were answered {result['capacity']:g} calls a second. "
        + ("**Fell short:** " + "; ".join([*found, *missed]) + "." if found or missed else "All aims were met."),
    ]
    return "\n".join(lines)


def _violations(check: dict[str, int] | None) -> str:
    if check is None:
        return "at the end"
    return ", ".join(f"{count} {promise}" for promise, count in check.items()) or "0"


def _refusals(row: Json) -> str:
    if not row["refused"]:
        return "none"
    return (
        ", ".join(f"{count:,} x {status}" for status, count in row["refused"].items()) + f"; {row['refused_ms']['p99']}"
    )


def put_into(document: Path, table: str) -> None:
    """Replace what stands between the marks of a document. Raises ValueError when it has none."""
    text = document.read_text(encoding="utf-8")
    before, mark, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not mark or not end:
        raise ValueError(f"{document} has no place for the table")
    document.write_text(f"{before}{_BEGIN}\n\n{table}\n\n{_END}{after}", encoding="utf-8")
