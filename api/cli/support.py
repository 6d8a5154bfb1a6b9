"""What the sub-commands share: settings, the event loop, and words for errors."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
import uvloop

from api.cli.console import StepProgress, make_console
from matcher.domain.errors.tree import CarpoolError, DatabaseUnavailable, InvalidInput, Unavailable
from matcher.people.credentials.secret_file import SecretUnusable

if TYPE_CHECKING:
    from matcher.settings.all import Settings

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

T = TypeVar("T")
C = TypeVar("C")


def settings() -> Settings:
    """The settings; variables that look like settings and are none are pointed out. Raises SettingsInvalid."""
    from matcher.settings.all import load_settings, unknown_variables

    for name, alike in unknown_variables(os.environ).items():
        meant = "" if alike is None else f"; did you mean {alike}?"
        make_console(sys.stderr).print(f"carpool: {name} is not a setting{meant}", markup=False, style="yellow")
    return load_settings()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a fast event loop."""
    return uvloop.run(work)


def run_with_progress(work: Callable[[StepProgress], Coroutine[Any, Any, T]]) -> T:
    """Run to the end, telling on standard error which steps take a while."""
    with StepProgress(make_console(sys.stderr)) as progress:
        return uvloop.run(work(progress))


def run_on(
    chosen: Settings, opened: Callable[..., AbstractAsyncContextManager[C]], work: Callable[[C], Awaitable[T]]
) -> T:
    """Run to the end on what `opened(chosen, progress=…)` gives, and close it."""

    async def opened_and_done(progress: StepProgress) -> T:
        async with opened(chosen, progress=progress) as tool:
            return await work(tool)

    return run_with_progress(opened_and_done)


def say_where(url: str) -> None:
    """Print where the service listens, for people and for programs that have started it."""
    typer.echo(f"Listening on {url} (documentation: {url}/docs)")
    sys.stdout.flush()


def explain(error: BaseException) -> tuple[str, int] | None:
    """(message, exit code) of an error that is not a defect, else None; always None with CARPOOL_DEBUG set."""
    words = _words_for(error)
    if words is None:
        return None
    from matcher.settings.all import DEBUG_VARIABLE

    return None if os.environ.get(DEBUG_VARIABLE) else words


def _words_for(error: BaseException) -> tuple[str, int] | None:
    if isinstance(error, DatabaseUnavailable) and error.__cause__ is not None and str(error.__cause__):
        # Callers are not told where the database is; who runs a command set it.
        advice = "; is CARPOOL_DATABASE_URL right?" if isinstance(error.__cause__, OSError) else ""
        return f"{error.detail}: {error.__cause__}{advice}", EXIT_FAILED
    if isinstance(error, CarpoolError):
        return error.detail, EXIT_BAD_INPUT if isinstance(error, InvalidInput) else EXIT_FAILED
    if isinstance(error, ValueError):
        from matcher.settings.base import SettingsInvalid

        return (str(error), EXIT_BAD_INPUT) if isinstance(error, SettingsInvalid | SecretUnusable) else None
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}", EXIT_FAILED
    return None


def explain_bind_error(error: OSError, host: str, port: int) -> Unavailable:
    """Why an address could not be listened on, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return Unavailable(
            f"port {port} of {host} is in use: stop what uses it, or choose another with --port or CARPOOL_PORT "
            "(0: any free one)"
        )
    if error.errno == errno.EACCES:
        return Unavailable(
            f"port {port} may not be used by this user: choose one above 1023 with --port or CARPOOL_PORT"
        )
    return Unavailable(f"cannot listen on {host}, port {port}: {error.strerror or error}")
