"""Check locked and installed packages offline: all declared, no duplicates, no copyleft at run time.

    scripts/check_dependencies.py

Exits with 1 and prints each problem. It does not check what only a registry knows, such as withdrawn releases.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
_PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)(?:\[[a-z,]+\])?==", re.MULTILINE)
#: Licences that would apply to the whole product. The LGPL and the MPL apply to changes of the library only.
_COPYLEFT = re.compile(r"\b(?:AGPL|GPL)|GNU (?:Affero )?General Public", re.IGNORECASE)
_LESSER = re.compile(r"\bLGPL|Lesser|Library General", re.IGNORECASE)


def main() -> None:
    """Print the problems, and exit with 1 if there are any."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = [*project["project"]["dependencies"]]
    workshop = [
        line for group in ("build", "dev") for line in project["dependency-groups"][group] if isinstance(line, str)
    ]
    complaints = [
        *_undeclared("runtime", runtime),
        *_undeclared("dev", [*runtime, *workshop]),
        *_doubled(),
        *_copyleft(_locked("runtime")),
    ]
    for complaint in complaints:
        sys.stderr.write(f"{complaint}\n")
    sys.exit(bool(complaints))


def _locked(lock: str) -> set[str]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return {canonicalize_name(name) for name in _PIN.findall(text)}


def _undeclared(lock: str, declared: Iterable[str]) -> Iterable[str]:
    """Locked and installed packages that no declared package requires."""
    reached: set[str] = set()
    waiting = [Requirement(line) for line in declared]
    while waiting:
        wanted = waiting.pop()
        name: str = canonicalize_name(wanted.name)
        extras = {"", *wanted.extras}
        mark = f"{name}[{','.join(sorted(extras))}]"
        if mark in reached:
            continue
        reached |= {mark, name}
        for line in _requires(name):
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    installed: set[str] = {canonicalize_name(one.name) for one in importlib.metadata.distributions()}
    for stray in sorted((_locked(lock) & installed) - reached):
        yield f"requirements/{lock}.txt: {stray} is locked, and nothing in pyproject.toml leads to it: run `make lock`"


def _requires(name: str) -> list[str]:
    try:
        return importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:  # for another platform or Python
        return []


def _doubled() -> Iterable[str]:
    names = [canonicalize_name(one.name) for one in importlib.metadata.distributions()]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name} is installed twice: `make clean`, then `make setup`"


def _copyleft(names: set[str]) -> Iterable[str]:
    for one in importlib.metadata.distributions():
        if canonicalize_name(one.name) not in names:
            continue
        said = [*(one.metadata.get_all("License-Expression") or []), *(one.metadata.get_all("Classifier") or [])]
        binding = [text for text in said if _COPYLEFT.search(text) and not _LESSER.search(text)]
        if binding and " OR " not in binding[0]:
            yield f"{one.name} is under {binding[0]}: nothing of that kind may be needed at run time"


if __name__ == "__main__":
    main()
