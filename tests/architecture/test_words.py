"""The glossary and the code use the same words, and names keep the promises that the glossary makes for them."""

from __future__ import annotations

import ast
import re
from enum import StrEnum

import pytest

from matcher.domain.match import ScorePartName, TurnedAway, WindowKind
from matcher.domain.offer import OfferStatus
from tests.architecture.repository import PACKAGES, ROOT, names_in_code, python_files, tree_of

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")


def _rows() -> list[list[str]]:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in GLOSSARY.splitlines() if line.startswith("|")
    ]
    return [row for row in rows if row[0] != "Word" and not row[0].startswith("---")]


def _section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", GLOSSARY, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def test_rows_are_complete() -> None:
    assert len(_rows()) >= 20
    for row in _rows():
        assert len(row) == 4, row
        assert row[1], f"{row[0]} is not explained"
        assert "`" in row[2], f"{row[0]} does not say where it is in the code"


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row[0])
def test_the_code_has_the_word(row: list[str]) -> None:
    for name in re.findall(r"`([^`]+)`", row[2]):
        assert name in names_in_code(), f"the glossary names `{name}`, the code does not"


def test_statuses_are_those_of_the_code() -> None:
    offer, bookings = _section("Statuses").split("Bookings")
    assert set(re.findall(r"\*\*([A-Z_]+)\*\*", offer)) == {status.value for status in OfferStatus}
    assert set(re.findall(r"[A-Z_]{8,}", bookings)) == {
        "WAITING_CONFIRMATION",
        "CONFIRMED",
        "CANCELLED",
        "COMPLETED_PENDING_VALIDATION",
        "VALIDATED",
    }


@pytest.mark.parametrize("words", [OfferStatus, TurnedAway, ScorePartName, WindowKind])
def test_a_member_is_named_for_what_it_sends(words: type[StrEnum]) -> None:
    """What a reader sees in an answer can be searched for in the code."""
    assert all(member.name.lower() == member.value.lower() for member in words)


def test_foreign_words_stay_out() -> None:
    foreign = {word.strip() for word in _section("Not our words").split(",")}
    assert len(foreign) > 5
    found = []
    for name in names_in_code():
        parts = f"_{name.lower()}_"
        found += [name for word in foreign if f"_{word}_" in parts or f"_{word}s_" in parts]
    assert found == []


def _functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    return [
        (f"{path}:{node.lineno}: {node.name}", node)
        for path in python_files(*PACKAGES)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_get_never_answers_none() -> None:
    """`get_` raises when there is nothing; `find_` may return None."""
    getters = [
        (where, node) for where, node in _functions() if node.name.startswith("get_") and node.returns is not None
    ]
    assert [w for w, node in getters if re.search(r"\bNone\b|Optional", ast.unparse(node.returns or node))] == []


def test_list_answers_many() -> None:
    many = re.compile(r"list|tuple|Sequence|Iterable|Iterator|Page|Response|None")
    listers = [
        (where, node) for where, node in _functions() if node.name.startswith("list_") and node.returns is not None
    ]
    assert listers
    assert [w for w, node in listers if not many.search(ast.unparse(node.returns or node))] == []
