"""`carpool warm`, `geocode` and `settings`: small tools for people who set the service up."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from rich.table import Table

from api.cli_support import run_with_progress, settings
from api.console import StepProgress, make_console
from matcher.domain.errors import AddressNotFound
from matcher.domain.place import GeocodedPlace
from matcher.settings import CONCERNS, variable_name
from matcher.warm import compile_kernels
from matcher.wiring_commands import geocoding


def warm() -> None:
    """Compile the matching kernels (a minute and a half, once), so that no search has to wait for that."""
    with StepProgress(make_console(sys.stderr)) as progress:
        compile_kernels(progress)
    typer.echo("Kernels are compiled.")


def geocode(
    text: Annotated[str, typer.Argument(metavar="TEXT", help='An address, such as "Balmaceda & Brasil" or a street.')],
    limit: Annotated[int, typer.Option(min=1, max=20, help="Most candidates.")] = 5,
) -> None:
    """Look an address up as an offer or a search would."""
    chosen = settings()

    async def work(progress: StepProgress) -> list[GeocodedPlace]:
        async with geocoding(chosen, progress=progress) as geocoder:
            return await geocoder.geocode(text, limit=limit)

    found = run_with_progress(work)
    if not found:
        raise AddressNotFound(f"nothing in {chosen.roads.region} is like {text!r}")
    table = Table("lat", "lon", "label", "precision", "score", "source")
    for place in found:
        at = place.coordinate
        table.add_row(
            f"{at.lat:.6f}", f"{at.lon:.6f}", place.label, place.precision, f"{place.score:.2f}", place.source
        )
    make_console().print(table)


def print_settings() -> None:
    """Every setting: its variable, the value in use, its default, and what it is for. Secrets are never shown."""
    chosen = settings()
    table = Table("variable", "value", "default", "meaning", show_lines=False)
    for name, concern in CONCERNS.items():
        values = getattr(chosen, name)
        for field, info in concern.model_fields.items():
            value = getattr(values, field)
            default = "" if info.default is PydanticUndefined else _shown(info.default)
            changed = field in values.model_fields_set
            table.add_row(
                variable_name(field),
                _shown(value),
                default,
                info.description or "",
                style="bold" if changed else "",
            )
    make_console().print(table)


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, SecretStr):
        return "(secret)"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
