"""From an application to a listening, stoppable server."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from aiohttp import web

from api.app_keys import LIFETIME, METRICS, PROTECTION, STREAMS, TRAFFIC
from api.process.slow_clients import MAX_HEADER, MAX_LINE, CallerConnections
from matcher.domain.errors.tree import NotReady

#: After the last answer of a stop: connections in use are closed with their next call, idle ones now.
LINGER_S = 0.5
_LOOK_EVERY_S = 0.02
#: Computing threads hand the interpreter to the event loop after so long (default: 5 ms).
SWITCH_S = 0.001


class Runner(web.AppRunner):
    """An application runner with our protocol and limits, and without aiohttp's access log (we write our own)."""

    def __init__(self, app: web.Application, *, grace_s: float = 20.0) -> None:
        super().__init__(
            app,
            access_log=None,
            shutdown_timeout=grace_s,
            keepalive_timeout=app[PROTECTION].keep_alive_s,
            handler_cancellation=True,
            max_line_size=MAX_LINE,
            max_field_size=MAX_HEADER,
        )

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        # aiohttp has no hook for the protocol's class; the subclass only adds two references.
        server.__class__ = CallerConnections
        assert isinstance(server, CallerConnections), "it has just been made one"
        server.watch(self.app[PROTECTION], self.app[METRICS])
        return server


async def serve(
    app: web.Application,
    *,
    host: str,
    port: int,
    grace_s: float = 20.0,
    reuse_port: bool = False,
    listen_when_loaded: bool = False,
    on_listening: Callable[[str], None] | None = None,
) -> None:
    """Listen until SIGTERM or SIGINT, then stop accepting, finish what is in progress (for up to `grace_s`), and
    return.

    Other processes may listen on the same port with `reuse_port`; calls are spread over them, so one that joins others
    had better listen when it can answer. `on_listening` is told the URL once the port is bound. Raises OSError when it
    cannot be, and whatever ended the service, so that a process whose service could not be loaded ends with an error
    instead of staying up and never ready.
    """
    stopped = asyncio.Event()
    sys.setswitchinterval(SWITCH_S)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, _look_for_new_region, app)
    runner = Runner(app, grace_s=grace_s)
    settling = asyncio.ensure_future(settle(app))
    try:
        await runner.setup()
        if listen_when_loaded:
            await first_of(stopped.wait(), app[LIFETIME].ended(), app[LIFETIME].loaded())
        if not stopped.is_set():
            await web.TCPSite(runner, host, port, reuse_port=reuse_port or None).start()
            if on_listening is not None:
                on_listening(url_of(runner, host))
        await first_of(stopped.wait(), app[LIFETIME].ended())
        app[TRAFFIC].begin_draining()
        await asyncio.sleep(app[PROTECTION].shutdown_delay_s)
        await stop_listening(runner)
        # Who listens to events goes on with another process at once: streams do not end by themselves.
        await app[STREAMS].stop(app)
        # aiohttp's own shutdown drops what still arrives of a body, so calls are waited for before it begins.
        await app[TRAFFIC].drain(grace_s)
        await _let_go(runner)
    finally:
        settling.cancel()
        await runner.cleanup()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def settle(app: web.Application) -> None:
    """Take what a loaded service holds to its end out of the collector's rounds: it never becomes garbage, and looking
    through it (some 250,000 objects at 100,000 offers) stops everything for a tenth of a second."""
    await app[LIFETIME].loaded()
    gc.collect()
    gc.freeze()


def _look_for_new_region(app: web.Application) -> None:
    with suppress(NotReady):  # what is still loading has just looked
        app[LIFETIME].carpool.look_for_new_region()


def url_of(runner: Runner, host: str) -> str:
    """Where a caller on this machine reaches the server."""
    return url_at(host, runner.addresses[0][1])


def url_at(host: str, port: int) -> str:
    """The same for a host as it is listened on."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104  # compared, not bound
    return f"http://{reachable}:{port}"


async def first_of(*waits: Awaitable[object]) -> None:
    """Wait until one ends, and raise what it raises."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def stop_listening(runner: Runner) -> None:
    """Close the listening sockets; connections that the system has already made are still accepted."""
    loop, server = asyncio.get_running_loop(), runner.server
    assert server is not None, "the runner has been set up"
    for site in list(runner.sites):
        # Closing the last descriptor of a listening socket resets its queue; copies keep it open until then.
        copies = [socket.socket(fileno=os.dup(one.fileno())) for one in _listening_sockets(site)]
        await site.stop()
        for copy in copies:
            with copy:
                copy.setblocking(False)
                with suppress(BlockingIOError):
                    while True:
                        connection, _ = copy.accept()
                        connection.setblocking(False)
                        await loop.connect_accepted_socket(server, connection)


def _listening_sockets(site: web.BaseSite) -> Sequence[socket.socket]:
    listening = site._server  # aiohttp has no other way to its sockets
    return listening.sockets if isinstance(listening, asyncio.AbstractServer) and hasattr(listening, "sockets") else ()


async def _let_go(runner: Runner) -> None:
    """Wait a moment for callers to make a last call on connections that they keep: its answer tells them to close."""
    server = runner.server
    deadline = time.monotonic() + LINGER_S
    while server is not None and server.connections and time.monotonic() < deadline:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(_LOOK_EVERY_S)
