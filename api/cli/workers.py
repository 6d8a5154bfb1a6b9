"""`carpool serve --workers N`: the parent, and what each worker runs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import structlog

from api.app_keys import LIFETIME
from api.cli.support import explain_bind_error, run, say_where, settings
from api.process.reserved_port import reserved
from api.process.served_app import app_of
from api.process.server import serve, url_at
from api.process.supervisor import Supervisor
from api.process.worker_link import LISTENING, LOADED, WorkerLink, WorkerOrder
from api.watching.logs import configure_logging
from api.watching.metrics import PrometheusTelemetry, render
from api.watching.metrics_folder import FOLDER_VARIABLE, SupervisorLog, metrics_folder
from api.watching.metrics_listener import metrics_listener
from api.watching.service_log import LoggedSteps
from matcher.settings.all import Settings
from matcher.wiring.commands import prepared


async def serve_many(chosen: Settings) -> None:
    """Prepare once what all workers need, then keep them running until SIGTERM or SIGINT.

    Raises Unavailable for a port that is taken, and when workers keep dying.
    """
    server = chosen.server
    try:
        with reserved(server.host, server.port) as port, metrics_folder() as folder:

            async def rendered(accept: str) -> tuple[bytes, str]:
                return await asyncio.to_thread(render, None, folder, accept)

            async with metrics_listener(chosen.watch, rendered):
                await _supervise(chosen, port, folder)
    except OSError as error:
        raise explain_bind_error(error, server.host, server.port) from error


async def _supervise(chosen: Settings, port: int, folder: Path) -> None:
    server = chosen.server
    threads = max(1, (os.cpu_count() or 1) // server.workers)

    def command(number: int, joins: bool, link: int) -> list[str]:
        order = WorkerOrder(number, server.host, port, joins, threads, link)
        return [sys.executable, "-m", "api.cli.__main__", "worker", order.to_text()]

    supervisor = Supervisor(
        command,
        server.workers,
        grace_s=server.shutdown_grace_s,
        on_listening=lambda: say_where(url_at(server.host, port)),
        watch=SupervisorLog(folder),
        environment={FOLDER_VARIABLE: str(folder)},
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    loop.add_signal_handler(signal.SIGHUP, supervisor.look_for_new_region)
    try:
        async with prepared(chosen, progress=LoggedSteps()):
            await supervisor.run()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


def be_worker(order: str) -> None:
    """Be the worker that the parent's order describes, until it is told to stop."""
    mine = WorkerOrder.from_text(order)
    structlog.contextvars.bind_contextvars(worker=mine.number)
    chosen = settings()
    server = chosen.server.model_copy(update={"host": mine.host, "port": mine.port})
    configure_logging(server.log_level, server.log_format)
    matching = chosen.matching
    if "threads" not in matching.model_fields_set:
        matching = matching.model_copy(update={"threads": mine.threads})
    # The parent has checked the schema. Dead workers are replaced even after the next version has migrated.
    storage = chosen.storage.model_copy(update={"newer_schema_allowed": True})
    run(_work(replace(chosen, server=server, matching=matching, storage=storage), mine))


async def _work(chosen: Settings, mine: WorkerOrder) -> None:
    link = WorkerLink(mine.link)
    link.watch()
    app = app_of(chosen, PrometheusTelemetry.of_worker(mine.number), worker=mine.number)

    async def tell_when_loaded() -> None:
        await app[LIFETIME].loaded()
        link.say(LOADED)

    telling = asyncio.create_task(tell_when_loaded())
    try:
        await serve(
            app,
            host=mine.host,
            port=mine.port,
            grace_s=chosen.server.shutdown_grace_s,
            reuse_port=True,
            listen_when_loaded=mine.joins,
            on_listening=lambda _url: link.say(LISTENING),
        )
    finally:
        telling.cancel()
        link.close()
