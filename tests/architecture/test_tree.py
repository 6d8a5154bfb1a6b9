"""The shape of the repository: rooms, sizes, docstrings, and nothing in it that only makes sense on one machine."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from tests.architecture.repository import PACKAGES, ROOT, python_files, repository_files, text_of, tree_of

TOP_LEVEL = {
    ".ci", ".dockerignore", ".gitattributes", ".gitignore", ".hadolint.yaml", ".squawk.toml",
    "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE", "Makefile", "NOTICE", "README.md",
    "api", "bench", "docs", "matcher", "pyproject.toml", "requirements", "scripts", "sql", "tests",
}  # fmt: skip
ROOMS = {"domain", "matching", "search", "roads", "geocoding", "postgres"}
LONGEST = 400
HEAVIEST = 5_000_000


def test_top_level_holds_what_the_design_card_says() -> None:
    top = {path.parts[0] for path in repository_files()}
    assert top <= TOP_LEVEL, f"not on the card: {sorted(top - TOP_LEVEL)}"
    assert {"api", "matcher", "sql", "tests", "Dockerfile", "pyproject.toml"} <= top
    assert {path.parts[1] for path in python_files("matcher") if len(path.parts) > 2} >= ROOMS


def test_no_file_is_heavy() -> None:
    heavy = [str(path) for path in repository_files() if (ROOT / path).stat().st_size > HEAVIEST]
    assert heavy == []


def test_no_source_hides_a_second_room() -> None:
    sources = [p for p in repository_files() if p.suffix in {".py", ".sql", ".sh", ".js", ".css", ".html"}]
    long = {str(p): n for p in sources if (n := len((text_of(p) or "").splitlines())) > LONGEST}
    assert long == {}


def test_every_folder_says_what_it_is() -> None:
    """Purpose, what it may import, which file to open first: at least one full sentence."""
    folders = {path.parent for path in python_files(*PACKAGES)}
    silent = []
    for folder in folders:
        package = ROOT / folder / "__init__.py"
        docstring = ast.get_docstring(tree_of(folder / "__init__.py")) if package.is_file() else None
        if docstring is None or "." not in docstring or len(docstring) < 40:
            silent.append(str(folder))
    assert silent == []


def test_every_module_postpones_annotations() -> None:
    """One way to write types everywhere: forward names and unions need no quotes."""
    late = []
    for path in python_files(*PACKAGES, "tests", "bench", "scripts"):
        body = [node for node in tree_of(path).body if not isinstance(node, ast.Expr)]
        if body and not (isinstance(body[0], ast.ImportFrom) and body[0].module == "__future__"):
            late.append(str(path))
    assert late == []


def _any_of(*patterns: tuple[str, str]) -> re.Pattern[str]:
    """One pattern of several; each is written in two pieces, so that this file does not find itself."""
    return re.compile("|".join("".join(pieces) for pieces in patterns))


MACHINE = _any_of(
    (r"(?<![\w./-])/", r"(?:root|work|home/\w+)(?:/|\b)"),
    ("/", r"Users/\w+"),
    ("/", r"tmp/(?:t|brief|bash_jobs)\b"),
    # A checkout right below / has a name too common to search for.
    *([(re.escape(str(ROOT)), r"(?![\w-])")] if len(ROOT.parts) > 2 else []),
)
REGISTRY = _any_of(
    ("py", r"pi\.org"),
    ("python", r"hosted\.org"),
    ("registry\\.np", "mjs"),
    ("deb\\.deb", "ian"),
    ("--(?:extra-)?index-", r"url[ =]\S"),
)


def _mentions(pattern: re.Pattern[str], files: tuple[Path, ...]) -> list[str]:
    found = []
    for path in files:
        text = text_of(path)
        for number, line in enumerate((text or "").splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{path}:{number}: {line.strip()[:120]}")
    return found


def test_no_path_of_one_machine() -> None:
    assert _mentions(MACHINE, repository_files()) == []


def test_no_registry_is_named() -> None:
    """A clone installs from whatever registry its machine is set up for."""
    assert _mentions(REGISTRY, repository_files()) == []


def test_nothing_is_left_undone() -> None:
    marks = _any_of(
        (r"\bTO", r"DO\b"), (r"\bFIX", r"ME\b"), (r"\bXX", r"X\b"), (r"\bHA", r"CK\b"), ("NotImplemented", "Error")
    )
    sources = tuple(
        p
        for p in repository_files()
        if p.suffix in {".py", ".sql", ".md", ".sh"} or p.name in {"Makefile", "Dockerfile"}
    )
    assert _mentions(marks, sources) == []


MOST_FILES = 14
MOST_PARAMETERS = 10
VAGUE = {"ports.py", "parts.py", "common.py", "utils.py"}
HOUSE = ("api", "matcher")


def test_no_folder_is_crowded() -> None:
    counts = Counter(path.parent for path in python_files(*HOUSE))
    assert {str(folder): count for folder, count in counts.items() if count > MOST_FILES} == {}


def test_files_are_named_for_what_is_inside() -> None:
    assert [str(path) for path in python_files(*HOUSE) if path.name in VAGUE] == []


def test_no_class_name_stands_twice() -> None:
    """One word, one thing."""
    places: dict[str, set[str]] = {}
    for path in python_files(*HOUSE):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, set()).add(str(path))
    assert {name: sorted(where) for name, where in places.items() if len(where) > 1} == {}


def test_no_function_has_too_many_parameters() -> None:
    """More than ten become a record."""
    long = []
    for path in python_files(*HOUSE):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                asked = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                if len(asked) > MOST_PARAMETERS:
                    long.append(f"{path}:{node.lineno}: {node.name} has {len(asked)}")
    assert long == []
