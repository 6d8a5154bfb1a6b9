"""What the command line loads to answer a question about itself."""

from __future__ import annotations

import subprocess
import sys

from api.cli.region import extras
from matcher.roads.foot.meeting_place import ROAD_LIMIT_M

_PROGRAM = """
import contextlib, io, sys
import typer
from api.cli.__main__ import app

def command_lines(command, words=()):
    yield [*words, "--help"]
    for name, child in getattr(command, "commands", {}).items():
        yield from command_lines(child, (*words, name))

heavy = {"aiohttp", "asyncpg", "geopy", "networkx", "numba", "numpy", "pydantic_settings", "shapely", "structlog"}
asked = [["--version"], *command_lines(typer.main.get_command(app))]
for words in asked:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        app(words)
    if heavy & set(sys.modules):
        sys.exit(f"{words} loads {sorted(heavy & set(sys.modules))}")
print(len(asked))
"""


def test_help_of_every_command_and_the_version_do_not_load_the_engine() -> None:
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 20


def test_the_default_distance_to_a_road_is_that_of_the_engine() -> None:
    assert extras._ROAD_LIMIT_M == ROAD_LIMIT_M
