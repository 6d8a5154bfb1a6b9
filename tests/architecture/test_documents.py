"""Everything the documents name exists: make targets, `carpool` commands and their options, settings, files."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from api.cli.__main__ import app
from matcher.settings import all as settings
from matcher.settings.base import PREFIX
from tests.architecture.repository import ROOT, documents, make_targets, text_of

CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)


def _code(document: Path) -> list[str]:
    """Every line of code in the document, fenced or inline, with continued lines joined."""
    pieces = [block or inline for block, inline in CODE.findall(text_of(document) or "")]
    return [line.strip() for piece in pieces for line in piece.replace("\\\n", " ").splitlines()]


def _commands(document: Path, program: str) -> list[list[str]]:
    """The words after the program's name, wherever it starts a command, after a prompt or `VAR=x` prefixes if any."""
    start = re.compile(
        rf"(?:^|[;&|]\s*|^\$ )(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?{program}(?P<rest>(?: [^;&|#`]*)?)$|^{program} "
    )
    found = []
    for line in _code(document):
        for part in re.split(r"\s(?:&&|\|\||;|\|)\s", line.split(" #")[0].split("  ")[0]):
            match = start.search(part.strip())
            if match:
                found.append(part.strip().split(program, 1)[1].split())
    return found


@cache
def _root_command() -> TyperGroup:
    command = typer.main.get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def _unknown_part(words: list[str]) -> str | None:
    """The first word of a `carpool …` command that the command line does not know, or None."""
    command: Any = _root_command()
    for word in words:
        if word.startswith("-"):
            options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
            if word.split("=")[0] not in {*options, "-h", "--help", "--version"}:
                return word
        elif isinstance(command, TyperGroup) and re.fullmatch(r"[a-z][a-z-]*", word):
            known = command.commands.get(word)
            if known is None:
                return word
            command = known
    return None


def test_the_finder_finds_unknown_commands() -> None:
    assert _unknown_part(["warm"]) is None
    assert _unknown_part(["warm", "--nonsense"]) == "--nonsense"
    assert _unknown_part(["no-such-thing"]) == "no-such-thing"


def test_readme_shows_the_two_commands() -> None:
    if Path("README.md") not in documents():
        pytest.skip("README.md is not written yet")
    shown = {words[0] for words in _commands(Path("README.md"), "make") if words}
    assert {"demo", "test"} <= shown


@pytest.mark.parametrize("document", documents(), ids=str)
def test_make_targets_exist(document: Path) -> None:
    targets = make_targets()
    for words in _commands(document, "make"):
        wanted = [word for word in words if "=" not in word and not word.startswith(("-", '"'))]
        assert set(wanted[:1]) <= set(targets), f"{document}: make {' '.join(words)}"


@pytest.mark.parametrize("document", documents(), ids=str)
def test_carpool_commands_exist(document: Path) -> None:
    for words in _commands(document, "carpool"):
        assert _unknown_part(words) is None, f"{document}: carpool {' '.join(words)}"


@cache
def _variables() -> frozenset[str]:
    fields = {name for concern in settings.CONCERNS.values() for name in concern.model_fields}
    return frozenset({settings.variable_name(field) for field in fields} | {settings.DEBUG_VARIABLE})


@pytest.mark.parametrize("document", [*documents(), Path("Dockerfile"), Path("Makefile")], ids=str)
def test_settings_exist(document: Path) -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*[A-Z]\b", text_of(document) or ""))
    assert named <= _variables(), f"{document} names settings that do not exist: {sorted(named - _variables())}"


@pytest.mark.parametrize("document", documents(), ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    text = text_of(document) or ""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (ROOT / document.parent / target).exists(), f"{document}: {target}"


@pytest.mark.parametrize("document", documents(), ids=str)
def test_named_files_exist(document: Path) -> None:
    """A path of ours in backticks, like `matcher/roads/engine.py` or `matcher/roads/`, is there."""
    ours = re.compile(r"(?:api|matcher|sql|tests|bench|docs|scripts|requirements)/(?:[\w./-]*(?:\.\w+|/))?")
    for _, inline in CODE.findall(text_of(document) or ""):
        if ours.fullmatch(inline.strip()) and inline.strip() != "bench/results/":  # made by the benchmarks
            assert (ROOT / inline.strip()).exists(), f"{document}: {inline}"
