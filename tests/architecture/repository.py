"""Reading this repository as data: its files, its Python names, its Markdown."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Python that ships. Tests, benchmarks and scripts keep other habits.
PACKAGES = ("api", "matcher", "sql")

_NOT_OURS = {".git", ".venv", ".carpool", "__pycache__", "build", "dist", "results"}


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file that is, or would be, committed, relative to the root; in an exported tree, all not generated."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=False) if (ROOT / ".git").exists() else None
    if listed is not None and listed.returncode == 0:
        names = [Path(name.decode()) for name in listed.stdout.split(b"\0") if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()]
        names = [path for path in names if not _NOT_OURS & set(path.parts) and "_cache" not in path.parts[0]]
    return tuple(sorted(path for path in names if (ROOT / path).is_file()))


def text_of(path: Path) -> str | None:
    """The file's text, or None when it is not UTF-8 text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def python_files(*folders: str) -> list[Path]:
    """Python sources below the folders, relative to the root."""
    return [path for path in repository_files() if path.suffix == ".py" and path.parts[0] in folders]


@cache
def tree_of(path: Path) -> ast.Module:
    """The parsed source."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


@cache
def names_in_code() -> frozenset[str]:
    """Every identifier that the shipped Python mentions, and every word of the SQL."""
    names: set[str] = set()
    for path in python_files(*PACKAGES):
        names.add(path.stem)
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
    for path in repository_files():
        if path.suffix == ".sql":
            names |= set(re.findall(r"[a-z_][a-z0-9_]*", (ROOT / path).read_text(encoding="utf-8")))
    return frozenset(names)


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted module) of every import statement in the file, wherever it stands."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.lineno, node.module


def documents() -> list[Path]:
    """The Markdown that people read, relative to the root."""
    return [path for path in repository_files() if path.suffix == ".md"]


def make_targets() -> dict[str, str]:
    """Target -> its one line of help (empty for helpers), from the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets: dict[str, str] = {}
    for line in makefile.splitlines():
        found = re.match(r"(?P<names>[a-z][a-z -]*):(?!=)(?:.*?## (?P<help>.*))?", line)
        if found:
            targets |= {name: found["help"] or targets.get(name, "") for name in found["names"].split()}
    return targets
