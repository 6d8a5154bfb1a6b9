"""Generate the tables in docs/: commands, settings, geocoders, error codes, events, statistics.

    scripts/write_reference.py [--check]

Each is between two marks, `<!-- NAME: made by scripts/write_reference.py -->` and `<!-- end of NAME -->`. With
`--check` nothing is written, and the exit code is 1 if a document is out of date.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from typer.core import TyperGroup

from api.call.errors import kinds_of_problem
from api.cli.__main__ import app
from matcher.events.event import EventKind
from matcher.geocoding.network.providers import PROVIDERS
from matcher.settings.all import CONCERNS, variable_name
from matcher.statistics.model import COUNTS, LOST, MEANS, MEASURES

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> None:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a document is out of date")
    check = parser.parse_args().check
    for name in TABLES:
        document = DOCS / name
        is_now = document.read_text(encoding="utf-8")
        should_be = filled(is_now, name)
        if not check:
            document.write_text(should_be, encoding="utf-8")
        elif is_now != should_be:
            sys.exit(f"{name} is out of date: run `make reference`")


def filled(text: str, document: str) -> str:
    """The document with its tables replaced. Raises ValueError if a table's marks are missing or repeated."""
    for name, rows in TABLES[document].items():
        begin, end = f"<!-- {name}: made by scripts/write_reference.py -->", f"<!-- end of {name} -->"
        place = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        table = "\n".join(rows())
        text, count = place.subn(f"{begin}\n\n{table}\n\n{end}".replace("\\", r"\\"), text)
        if count != 1:
            raise ValueError(f"the document must have one place for {name}, and has {count}")
    return text


def commands() -> Iterator[str]:
    """A row for each visible command."""
    yield from _header("Command", "What it does")
    root = typer.main.get_command(app)
    for words, command in _walk(root, ("carpool",)):
        yield _row(f"`{' '.join(words)}`", " ".join((command.help or "").split("\n\n")[0].split()))


def settings() -> Iterator[str]:
    """A row for each setting, grouped by concern."""
    yield from _header("Setting", "Default", "Meaning")
    for concern in CONCERNS.values():
        about = (inspect.getdoc(concern) or "").splitlines()[0]
        yield _row(f"**{about}**", "", "")
        for field, info in concern.model_fields.items():
            yield _row(f"`{variable_name(field)}`", _default(info.default), info.description or "")


def geocoders() -> Iterator[str]:
    """A row for each geocoding service."""
    yield from _header("Geocoder", "Needs", "Public server", "Calls to it", "Attribution")
    yield _row("`gazetteer`", "", "none: the region's own map, offline", "", "© OpenStreetMap contributors (ODbL 1.0)")
    for name, provider in PROVIDERS.items():
        domain = f"`{variable_name(f'{name}_domain')}`"
        needs = domain if provider.public_domain is None else ""
        key = f"; `{variable_name(f'{name}_api_key')}` if the server asks for one" if provider.takes_key else ""
        public = "" if provider.public_domain is None else f"`{provider.public_domain}`; another one by {domain}"
        every_s = provider.public_interval_s
        limit = (
            f"one at a time, {every_s:g} s apart" if every_s else "" if provider.public_domain is None else "fair use"
        )
        yield _row(f"`{name}`", needs + key, public, limit, provider.attribution)


def errors() -> Iterator[str]:
    """A row for each code of a problem document."""
    yield from _header("Status", "Code", "When")
    for kind, status in kinds_of_problem().items():
        about = " ".join((inspect.getdoc(kind) or kind.title).split("\n\n")[0].split())
        yield _row(str(int(status)), f"`{kind.code}`", about)


def events() -> Iterator[str]:
    """A row for each kind of event."""
    yield from _header("type", "recipient", "when", "`data`")
    booking = EventKind.BOOKING_ASKED.members
    for kind in EventKind:
        whole = kind.members[: len(booking)] == booking
        members = [f"`{name}`" for name in (kind.members[len(booking) :] if whole else kind.members)]
        yield _row(f"`{kind.value}`", kind.recipient, kind.when, ", ".join(["the booking"] * whole + members))


def numbers() -> Iterator[str]:
    """A row for each statistic of searches."""
    yield from _header("number", "meaning")
    for one in (*COUNTS, *MEANS, LOST):
        yield _row(f"`{one.member}`", one.about)
    for one in MEASURES:
        yield _row(f"`{one.member}`", f"p50, p95, p99 of the {one.about}")


def _walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            if not below.hidden:
                yield from _walk(below, (*words, name))
    else:
        yield words, command


def _default(value: object) -> str:
    if value is None or value is PydanticUndefined or value == "":
        return ""
    if isinstance(value, SecretStr):
        return "(secret)"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _header(*titles: str) -> Iterator[str]:
    yield _row(*titles)
    yield _row(*("---" for _ in titles))


def _row(*cells: str) -> str:
    return "".join(f"| {escaped} " if (escaped := cell.replace("|", "\\|")) else "| " for cell in cells) + "|"


TABLES: dict[str, dict[str, Callable[[], Iterator[str]]]] = {
    "operations.md": {"commands": commands, "settings": settings, "geocoders": geocoders, "errors": errors},
    "events.md": {"events": events},
    "statistics.md": {"numbers": numbers},
}

if __name__ == "__main__":
    main()
