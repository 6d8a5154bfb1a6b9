"""The table of texts: every text in English, French and Spanish, with the same gaps, and every key that a page asks
for.
"""

from __future__ import annotations

import json
import re

import pytest

from api.pages.assets import STATIC, modules_of
from api.pages.handlers import PAGES
from matcher.domain.booking import BookingStatus
from matcher.domain.match import ScorePartName, TurnedAway

_STRING = r'"(?:[^"\\]|\\.)*"'
_ENTRY = re.compile(rf"^  (?:({_STRING})|(\w+)): \[\s*({_STRING}),\s*({_STRING}),\s*({_STRING}),?\s*\],$", re.MULTILINE)
_ASKED = re.compile(r'\b(?:t|named)\(\s*"([^"]+)"')
_ALL = {
    (match[1] and json.loads(match[1])) or match[2]: tuple(json.loads(text) for text in match.groups()[2:])
    for path in sorted((STATIC / "texts").glob("*.js"))
    for match in _ENTRY.finditer(path.read_text(encoding="utf-8"))
}


def test_the_tables_are_read_whole() -> None:
    lines = [
        line
        for path in (STATIC / "texts").glob("*.js")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r'  (?:"[^"]+"|\w+): \[', line)
    ]
    assert len(lines) == len(_ALL) > 200


@pytest.mark.parametrize("key", sorted(_ALL))
def test_a_text_says_the_same_in_all_languages(key: str) -> None:
    english, french, spanish = _ALL[key]
    assert english.strip()
    assert french.strip()
    assert spanish.strip()
    gaps = [sorted(set(re.findall(r"\{(\w+)\}", text))) for text in (english, french, spanish)]
    assert gaps[0] == gaps[1] == gaps[2]
    forms = {text.count("|") for text in (english, french, spanish)}
    assert len(forms) == 1
    assert forms <= {0, 1}


@pytest.mark.parametrize("page", PAGES)
def test_every_text_that_a_page_asks_for_is_there(page: str) -> None:
    tables = {path for path in modules_of(f"{page}/page.js") if path.startswith("texts/")}
    held = "\n".join((STATIC / path).read_text(encoding="utf-8") for path in tables)
    keys = {(match[1] and json.loads(match[1])) or match[2] for match in _ENTRY.finditer(held)}
    for module in modules_of(f"{page}/page.js"):
        for key in _ASKED.findall((STATIC / module).read_text(encoding="utf-8")):
            assert key in keys or any(each.startswith(f"{key}.") for each in keys), f"{module} asks for {key}"


def test_codes_of_the_api_have_words() -> None:
    assert {f"status.{status.value}" for status in BookingStatus} <= set(_ALL)
    assert {f"away.{reason.value}" for reason in TurnedAway} <= set(_ALL)
    assert {f"part.{part.value}" for part in ScorePartName} <= set(_ALL)
