"""`carpool demo`, `serve`, `migrate` and `health`: the service, its schema, and how it is."""

from __future__ import annotations

import http.client
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
from rich.table import Table

from api.cli.console import StepProgress, make_console
from api.cli.support import EXIT_FAILED, explain_bind_error, run, run_with_progress, say_where, settings
from matcher.domain.errors.tree import InvalidField, Unavailable

if TYPE_CHECKING:
    from matcher.settings.all import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Listen address [CARPOOL_HOST, default 127.0.0.1].")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 picks a free one [CARPOOL_PORT, default 8080].")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Worker processes on that port [CARPOOL_WORKERS, default 1].")
    ] = None,
) -> None:
    """Run the service until SIGTERM or SIGINT; calls in progress are finished first."""
    from api.cli.workers import serve_many
    from api.watching.logs import configure_logging

    chosen = settings()
    options = {"host": host, "port": port, "workers": workers}
    given = {name: value for name, value in options.items() if value is not None}
    server = chosen.server.model_copy(update=given)
    chosen = replace(chosen, server=server)
    configure_logging(server.log_level, server.log_format)
    if server.workers > 1:
        run(serve_many(chosen))
        return
    run(_serve_one(chosen))


async def _serve_one(chosen: Settings) -> None:
    """All in this process. Raises Unavailable for a port that is taken."""
    from api.process.served_app import app_of
    from api.process.server import serve as serve_app
    from api.watching.metrics import PrometheusTelemetry
    from api.watching.metrics_listener import metrics_listener

    server, telemetry = chosen.server, PrometheusTelemetry()
    app = app_of(chosen, telemetry)
    async with metrics_listener(chosen.watch, telemetry.render):
        try:
            await serve_app(
                app, host=server.host, port=server.port, grace_s=server.shutdown_grace_s, on_listening=say_where
            )
        except OSError as error:
            raise explain_bind_error(error, server.host, server.port) from error


def worker(order: Annotated[str, typer.Argument(help="From the parent.")]) -> None:
    """Be one of the processes of `carpool serve --workers`."""
    from api.cli.workers import be_worker

    be_worker(order)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the answers. Exit code 0 if there were matches, else 1.")
    ] = False,
) -> None:
    """Serve the bundled region, publish tomorrow's offers, search, print the matches, and stay up to be tried."""
    from api.cli.demo.run import run_demo
    from api.watching.logs import configure_logging

    chosen = settings()
    configure_logging("warning", "console")
    if not run(run_demo(chosen, make_console(), once=once)):
        raise Unavailable("no search found a match: see what turned the offers away above")


def migrate() -> None:
    """Migrate the database to this version's schema."""
    from matcher.postgres.migrations import migrate as migrate_database
    from matcher.wiring.database import database_url

    chosen = settings()

    async def work(progress: StepProgress) -> tuple[str, ...]:
        async with database_url(chosen, progress=progress) as url:
            return await migrate_database(url, progress=progress)

    done = run_with_progress(work)
    typer.echo(f"Migrated: {', '.join(done)}" if done else "The database is up to date.")


def health(
    url: Annotated[
        str | None, typer.Option(help="URL of the service; default: from CARPOOL_HOST and CARPOOL_PORT.")
    ] = None,
) -> None:
    """Check a running service. Exit code 0 if it is ready, else 1."""
    server = settings().server
    host = "127.0.0.1" if server.host in {"0.0.0.0", "::"} else server.host  # noqa: S104  # compared, not bound
    target = f"http://{host}:{server.port}" if url is None else url
    status, answer = _ask(target, "/readyz")
    table = Table(
        "check", "state", title=f"{target}: {'ready' if status == 200 else 'not ready'}", title_justify="left"
    )
    for name, state in answer.get("checks", {}).items():
        table.add_row(name, state)
    for name in ("region", "offers", "version", "worker"):
        if name in answer:
            table.add_row(name, str(answer[name]))
    make_console().print(table)
    if status != 200:
        raise typer.Exit(EXIT_FAILED)


def _ask(url: str, path: str) -> tuple[int, dict[str, dict[str, str]]]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        raise InvalidField(f"{url!r} is no URL: write http://host:port")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=5)
    try:
        connection.request("GET", parts.path.rstrip("/") + path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise Unavailable(f"no service answers at {url}: {reason}; `carpool serve` runs one") from error
    finally:
        connection.close()
