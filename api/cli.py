"""The `carpool` command: every sub-command on one screen, and one place where errors become a line and an exit code."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from api.console import StepProgress, make_console
from matcher.domain.errors import CarpoolError, InvalidInput

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2


class _Commands(TyperGroup):
    """Prints what this software knows how to explain as one line; anything else keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CarpoolError as error:
            if os.environ.get("CARPOOL_DEBUG"):
                raise
            make_console(sys.stderr).print(f"carpool: {error.detail}", markup=False, style="red")
            ctx.exit(EXIT_BAD_INPUT if isinstance(error, InvalidInput) else EXIT_FAILED)


app = typer.Typer(
    name="carpool",
    cls=_Commands,
    help="Matches riders with drivers' offers, exactly, on the real road network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"carpool {importlib.metadata.version('carpool-matcher')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Matches riders with drivers' offers, exactly, on the real road network."""


@app.command()
def warm() -> None:
    """Import everything and compile the matching kernels, so that the first request does not wait for it."""
    with StepProgress(make_console()) as progress:
        progress("loading libraries")
        import numba  # noqa: F401, PLC0415  # loading it takes a second, and only this command needs it here
    typer.echo("Ready: libraries are loaded and kernels are compiled.")


if __name__ == "__main__":
    app()
