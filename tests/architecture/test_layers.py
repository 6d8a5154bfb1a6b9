"""Arrows point down only: the import contracts hold, and each of them breaks when somebody breaks it."""

from __future__ import annotations

import ast
import os
import re
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


#: (room, what it must not import, the contract that says so).
FORBIDDEN = (
    ("matcher.wiring", "api.cli.console", LAYERS),
    ("matcher.settings", "matcher.wiring.service", LAYERS),
    ("matcher.privacy", "matcher.settings.all", LAYERS),
    ("matcher.check", "matcher.privacy", LAYERS),
    ("matcher.search", "matcher.check", LAYERS),
    ("matcher.trips", "matcher.search", LAYERS),
    ("matcher.people", "matcher.trips", LAYERS),
    ("matcher.people", "matcher.events", LAYERS),
    ("matcher.places", "matcher.money", LAYERS),
    ("matcher.geocoding", "matcher.places", LAYERS),
    ("matcher.operation", "matcher.geocoding", LAYERS),
    ("matcher.postgres", "matcher.roads", LAYERS),
    ("matcher.roads", "matcher.operation", LAYERS),
    ("matcher.matching", "matcher.roads.network.graph", LAYERS),
    ("matcher.domain", "matcher.matching", LAYERS),
    ("matcher.domain", "numpy", DOMAIN),
    ("matcher.domain", "pydantic", DOMAIN),
    ("matcher.matching", "networkx", MATCHING),
    ("matcher.matching", "asyncio", MATCHING),
    ("matcher.trips", "aiohttp", EDGE),
    ("matcher.search", "pydantic", EDGE),
)


@pytest.fixture(scope="module")
def broken_contracts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Contract -> the report of its violations, in a copy of the code where every room imports what it must not."""
    folder = tmp_path_factory.mktemp("code")
    for path in python_files("api", "matcher"):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target)
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    for number, (room, module, _) in enumerate(FORBIDDEN):
        spoiled = folder / room.replace(".", "/") / f"spoiled_{number}.py"
        spoiled.write_text(f"import {module}\n", encoding="utf-8")
    outcome = _lint_imports(folder)
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    report = outcome.stdout.split("Broken contracts")[1]
    titles = [re.escape(contract) for contract in {LAYERS, DOMAIN, MATCHING, EDGE}]
    _, *pieces = re.split(rf"^({'|'.join(titles)})$", report, flags=re.MULTILINE)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


@pytest.mark.parametrize("number", range(len(FORBIDDEN)), ids=[f"{room} {module}" for room, module, _ in FORBIDDEN])
def test_contract_breaks_when_broken(broken_contracts: dict[str, str], number: int) -> None:
    room, module, contract = FORBIDDEN[number]
    assert f"{room}.spoiled_{number} -> {module} (l.1)" in broken_contracts[contract]


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
