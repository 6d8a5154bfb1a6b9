"""`carpool check`: are all promises kept? Recomputed from the road graph alone."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from api.cli.console import StepProgress, make_console
from api.cli.support import explain, run_with_progress, settings
from matcher.wall_clock import utc_now

if TYPE_CHECKING:
    from matcher.check.promises import CheckReport

EXIT_VIOLATED = 1
EXIT_COULD_NOT_RUN = 2


def check(
    sample: Annotated[int, typer.Option(min=0, max=100_000, help="Number of searches to run and recompute.")] = 50,
    seed: Annotated[int, typer.Option(help="Seed of the sample of searches.")] = 1,
    most: Annotated[int, typer.Option("--show", min=1, help="Maximum number of violations to print.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with all violations.")] = False,
) -> None:
    """Recompute what stored offers promise, and what a sample of searches answers, from the road graph alone.

    Writes nothing, and may run beside a service. Exit code 0: every promise holds; 1: some do not; 2: it could not be
    checked.
    """
    from matcher.wiring.commands import promise_checks

    try:
        chosen = settings()

        async def work(progress: StepProgress) -> CheckReport:
            async with promise_checks(chosen, progress=progress) as check_promises:
                return await check_promises(utc_now(), sample=sample, seed=seed, progress=progress)

        report = run_with_progress(work)
    except Exception as error:
        words = explain(error)
        if words is None:
            raise
        make_console(sys.stderr).print(f"carpool: {words[0]}", markup=False, style="red", soft_wrap=True)
        raise typer.Exit(EXIT_COULD_NOT_RUN) from error
    if as_json:
        typer.echo(json.dumps(_to_json(report, seed), indent=2))
    else:
        _print(report, most)
    if report.violations:
        raise typer.Exit(EXIT_VIOLATED)


def _print(report: CheckReport, most: int) -> None:
    console = make_console()
    table = Table("promise", "checked", "violated")
    table.columns[1].justify = table.columns[2].justify = "right"
    broken = Counter(violation.promise for violation in report.violations)
    for promise, count in sorted(
        report.findings.checked.items(), key=lambda item: (item[0].startswith(("match", "booking")), item[0])
    ):
        wrong = broken[promise]
        table.add_row(promise, f"{count:,}", f"{wrong:,}", style="bold red" if wrong else None)
    console.print(table)
    if report.violations:
        found = Table("offer", "promise", "promised", "what is so")
        for violation in report.violations[:most]:
            promise = (
                violation.promise if violation.search is None else f"{violation.promise} (search {violation.search})"
            )
            found.add_row(str(violation.offer_id), promise, violation.promised, violation.holds)
        console.print(found)
        if len(report.violations) > most:
            console.print(f"and {len(report.violations) - most:,} more: --show, or --json")
    passed_over = f"; {report.outdated:,} offers of an older import were passed over" if report.outdated else ""
    console.print(
        f"{report.offers:,} offers, {report.bookings:,} bookings, {report.searches:,} searches, "
        f"{report.matches:,} matches: "
        f"{len(report.violations):,} violations{passed_over}"
    )


def _to_json(report: CheckReport, seed: int) -> dict[str, Any]:
    return {
        "offers": report.offers,
        "outdated": report.outdated,
        "bookings": report.bookings,
        "searches": report.searches,
        "matches": report.matches,
        "seed": seed,
        "checked": report.findings.checked,
        "violations": [
            {
                "promise": violation.promise,
                "offer_id": str(violation.offer_id),
                "search": violation.search,
                "promised": violation.promised,
                "holds": violation.holds,
            }
            for violation in report.violations
        ],
    }
