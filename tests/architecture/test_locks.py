"""The locks: every file pinned by hash, no address, one version of each package, nothing declared left out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.repository import ROOT

LOCKS = ("runtime", "build", "dev", "bench", "assets")

PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]*)(?:\[[a-z,]+\])?==(?P<version>\S+)(?: ; (?P<marker>.+))?$")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}$")


def _path(lock: str) -> Path:
    return ROOT / "requirements" / f"{lock}.txt"


@cache
def _entries(lock: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(pin, hashes) in file order; every line that is no comment belongs to one."""
    text = re.sub(r"\\\n\s*", " \0", _path(lock).read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(
        (parts[0].strip(), tuple(p.strip() for p in parts[1:])) for parts in (line.split("\0") for line in lines)
    )


@cache
def _pins(lock: str) -> Mapping[str, set[tuple[str, str]]]:
    """Package -> {(version, marker)}."""
    pins: dict[str, set[tuple[str, str]]] = {}
    for pin, _ in _entries(lock):
        found = PIN.match(pin)
        assert found is not None, f"requirements/{lock}.txt: not a pin: {pin!r}"
        pins.setdefault(canonicalize_name(found["name"]), set()).add((found["version"], found["marker"] or ""))
    return pins


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    assert _entries(lock)
    for pin, hashes in _entries(lock):
        assert PIN.match(pin), pin
        assert hashes, f"{pin} has no hash"
        assert all(HASH.match(value) for value in hashes), f"{pin}: {hashes}"


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_and_no_machine(lock: str) -> None:
    text = _path(lock).read_text(encoding="utf-8")
    for banned in ("://", "--index-url", "--extra-index-url", "--find-links", "--trusted-host", " @ ", "/"):
        assert banned not in text, f"requirements/{lock}.txt names {banned!r}"


def test_locks_agree_on_every_version() -> None:
    everything: dict[str, set[tuple[str, str]]] = {}
    for lock in LOCKS:
        for name, pins in _pins(lock).items():
            assert everything.setdefault(name, pins) == pins, f"{name} differs in requirements/{lock}.txt"


def test_dev_and_bench_contain_the_runtime() -> None:
    for lock in ("dev", "bench"):
        assert set(_pins("runtime")) <= set(_pins(lock))


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _declared(lock: str) -> list[Requirement]:
    project = _project()
    named = [] if lock in {"build", "assets"} else list(project["project"]["dependencies"])
    if lock != "runtime":
        named += [line for line in project["dependency-groups"][lock] if isinstance(line, str)]
    return [Requirement(line) for line in named]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_what_is_declared(lock: str) -> None:
    for requirement in _declared(lock):
        pins = _pins(lock).get(canonicalize_name(requirement.name))
        assert pins, f"{requirement.name} is declared and not in requirements/{lock}.txt: run `make lock`"
        for version, _ in pins:
            assert requirement.specifier.contains(version, prereleases=True), f"{requirement} is locked at {version}"


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_one_version_for_each_python(python: str) -> None:
    """A package locked in several versions has exactly one for each Python, whatever the platform."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    for lock in LOCKS:
        for name, pins in _pins(lock).items():
            chosen = [v for v, marker in pins if not marker or Marker(marker).evaluate(environment)]
            elsewhere = all("sys_platform" in marker for _, marker in pins)
            assert len(chosen) == 1 or elsewhere, f"{name} in requirements/{lock}.txt for Python {python}: {chosen}"


def test_the_product_needs_no_bench_package() -> None:
    """Baselines of the benchmarks are never needed to run or to test."""
    assert not {"scipy", "routingkit-cch"} & (set(_pins("runtime")) | set(_pins("dev")))
