"""Arrows point down only: the import contracts hold, and each of them breaks when somebody breaks it."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, imports_of, python_files, tree_of

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1"}
    return subprocess.run(
        [str(LINT_IMPORTS), "--no-cache", "--config", "pyproject.toml"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy_of_the_code(tmp_path: Path) -> Path:
    """A copy of the Python sources that a test may spoil."""
    for path in python_files("api", "matcher"):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def test_contracts_hold() -> None:
    outcome = _lint_imports(ROOT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "0 broken" in outcome.stdout


def test_every_room_has_its_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    listed = {room.strip() for layer in layers for room in layer.split("|")}
    rooms = {f"matcher.{path.parts[1].removesuffix('.py')}" for path in python_files("matcher")} - {"matcher.__init__"}
    assert rooms | {"api"} == listed


LAYERS = "arrows point down only"
DOMAIN = "the domain needs the standard library only"
MATCHING = "matching computes; it does not talk to anything"
EDGE = "only api speaks HTTP to callers, prints, or parses wire models"


@pytest.mark.parametrize(
    ("package", "line", "contract"),
    [
        ("matcher.domain", "import matcher.services", LAYERS),
        ("matcher.matching", "import matcher.roads.network.graph", LAYERS),
        ("matcher.services", "import matcher.storage", LAYERS),
        ("matcher.storage", "import matcher.settings.all", LAYERS),
        ("matcher.storage", "import matcher.roads", LAYERS),
        ("matcher.roads", "import matcher.geocoding", LAYERS),
        ("matcher.geocoding", "import matcher.storage", LAYERS),
        ("matcher.roads", "import matcher.workers", LAYERS),
        ("matcher.workers", "import matcher.wiring.parts", LAYERS),
        ("matcher.domain", "import matcher.people.credentials.secret_file", LAYERS),
        ("matcher.services", "import api.cli.console", LAYERS),
        ("matcher.domain", "import numpy", DOMAIN),
        ("matcher.domain", "import pydantic", DOMAIN),
        ("matcher.matching", "import networkx", MATCHING),
        ("matcher.matching", "import asyncio", MATCHING),
        ("matcher.services", "import aiohttp", EDGE),
        ("matcher.services", "import pydantic", EDGE),
    ],
)
def test_contract_breaks_when_broken(copy_of_the_code: Path, package: str, line: str, contract: str) -> None:
    spoiled = copy_of_the_code / package.replace(".", "/") / "spoiled.py"
    spoiled.write_text(f"{line}\n", encoding="utf-8")
    outcome = _lint_imports(copy_of_the_code)
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    assert f"{contract} BROKEN" in outcome.stdout


def _allowed(module: str, own: tuple[str, ...]) -> bool:
    return module.split(".", maxsplit=1)[0] in sys.stdlib_module_names or any(
        module == o or module.startswith(f"{o}.") for o in own
    )


@pytest.mark.parametrize(
    ("folder", "own"),
    [
        ("domain", ("matcher.domain",)),
        ("matching", ("matcher.domain", "matcher.matching", "numpy", "numba")),
    ],
)
def test_core_imports_only_what_it_may(folder: str, own: tuple[str, ...]) -> None:
    """The contracts forbid by name; this allows by name, so a new dependency cannot slip past an old list."""
    sources = [path for path in python_files("matcher") if path.parts[1] == folder]
    assert sources
    strangers = [f"{p}:{line}: {name}" for p in sources for line, name in imports_of(p) if not _allowed(name, own)]
    assert strangers == []


CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns", "monotonic_ns", "perf_counter_ns"}


def test_core_reads_neither_clock_nor_dice() -> None:
    """`now` and randomness are arguments, so the same question has the same answer tomorrow."""
    found = []
    for path in python_files("matcher"):
        if path.parts[1] not in {"domain", "matching"}:
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value)
                if owner in {"datetime", "datetime.datetime", "date", "time"} and node.func.attr in CLOCKS:
                    found.append(f"{path}:{node.lineno}: {owner}.{node.func.attr}")
        found += [f"{path}:{line}: {name}" for line, name in imports_of(path) if name in {"random", "secrets", "time"}]
    assert found == []
