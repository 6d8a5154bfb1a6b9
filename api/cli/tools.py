"""`carpool warm`, `geocode` and `settings`: small tools for people who set the service up."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from api.cli.console import StepProgress, make_console
from api.cli.support import JsonOption, run_on, settings
from matcher.domain.errors.tree import AddressNotFound


def warm() -> None:
    """Compile the matching kernels (a minute and a half, once), so that no search has to wait for that."""
    from matcher.wiring.warm import compile_kernels

    with StepProgress(make_console(sys.stderr)) as progress:
        compile_kernels(progress)
    typer.echo("Kernels are compiled.")


def geocode(
    text: Annotated[str, typer.Argument(metavar="TEXT", help='An address, such as "Balmaceda & Brasil" or a street.')],
    limit: Annotated[int, typer.Option(min=1, max=20, help="Maximum number of candidates.")] = 5,
) -> None:
    """Look an address up as an offer or a search would."""
    from matcher.wiring.commands import geocoding

    chosen = settings()
    found = run_on(chosen, geocoding, lambda geocoder: geocoder.geocode(text, limit=limit))
    if not found:
        raise AddressNotFound(f"nothing in {chosen.roads.region} is like {text!r}")
    table = Table("lat", "lon", "label", "precision", "score", "source")
    for place in found:
        at = place.coordinate
        table.add_row(
            f"{at.lat:.6f}", f"{at.lon:.6f}", place.label, place.precision, f"{place.score:.2f}", place.source
        )
    make_console().print(table)


def print_settings(as_json: JsonOption = False) -> None:
    """Every setting: its variable, the value in use, its default, and what it is for. Secrets are never shown."""
    from pydantic_core import PydanticUndefined

    from matcher.settings.all import CONCERNS, variable_name

    chosen = settings()
    found: list[dict[str, Any]] = []
    for name, concern in CONCERNS.items():
        values = getattr(chosen, name)
        for field, info in concern.model_fields.items():
            computed = info.default is PydanticUndefined
            found.append(
                {
                    "variable": variable_name(field),
                    "value": _plain(getattr(values, field)),
                    "default": "" if computed else _plain(info.default),
                    "changed": field in values.model_fields_set,
                    "meaning": info.description or "",
                }
            )
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    table = Table("variable", "value", "default", "meaning", show_lines=False)
    for each in found:
        value, default = _shown(each["value"]), _shown(each["default"])
        table.add_row(each["variable"], value, default, each["meaning"], style="bold" if each["changed"] else "")
    make_console().print(table)


def _plain(value: object) -> str | float | bool | None:
    """As JSON says it; of a secret only that there is one."""
    from pydantic import SecretStr

    if isinstance(value, SecretStr):
        return "(secret)"
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
