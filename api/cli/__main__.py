"""The `carpool` command: every sub-command on one screen, and one place where errors become a line and an exit code.

What a command runs it imports when it is called, so that help and typing mistakes do not wait for the engine to load.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from api.cli import check as cli_check
from api.cli import events as cli_events
from api.cli import keys as cli_keys
from api.cli import serve as cli_serve
from api.cli import stats as cli_stats
from api.cli import tools as cli_tools
from api.cli.console import make_console
from api.cli.region import commands as cli_region
from api.cli.support import explain
from matcher.version import version as version_of_this


class _Commands(TyperGroup):
    """Prints what this software knows how to explain; anything else keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            words = explain(error)
            if words is None:
                raise
            text, code = words
            make_console(sys.stderr).print(f"carpool: {text}", markup=False, style="red", soft_wrap=True)
            ctx.exit(code)


app = typer.Typer(
    name="carpool",
    cls=_Commands,
    help="Matches riders with drivers' offers, exactly, on the real road network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(cli_serve.demo)
app.command()(cli_serve.serve)
app.command(hidden=True)(cli_serve.worker)
app.command()(cli_serve.migrate)
app.command()(cli_serve.health)
app.command()(cli_check.check)
app.add_typer(cli_keys.app, name="keys")
app.add_typer(cli_region.app, name="region")
app.add_typer(cli_events.app, name="events")
app.command()(cli_stats.stats)
app.command()(cli_tools.geocode)
app.command("settings")(cli_tools.print_settings)
app.command()(cli_tools.warm)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"carpool {version_of_this()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Matches riders with drivers' offers, exactly, on the real road network."""


if __name__ == "__main__":
    app()
