"""Names have one spelling and no character that nobody sees; texts lose such characters."""

from __future__ import annotations

import pytest

from matcher.domain.names import cleaned, find_name


@pytest.mark.parametrize("name", ["alice", "Ana María", "Ren\u00e9", "t:alice", "李雷", "عائشة", "Ω-7", "a" * 300])
def test_a_name_is_itself(name: str) -> None:
    assert find_name(name) == name


@pytest.mark.parametrize(
    ("written", "name"), [("Rene\u0301", "Ren\u00e9"), ("\u212bsa", "\u00c5sa"), ("\u1100\u1161", "\uac00")]
)
def test_a_name_has_one_spelling(written: str, name: str) -> None:
    assert find_name(written) == name == find_name(name)


@pytest.mark.parametrize(
    "char",
    [
        "\u202e", "\u202a", "\u2066", "\u2069", "\u200e", "\u200f", "\u061c",  # directions
        "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u180e", "\U000e0041",  # formats
        "\u034f", "\u115f", "\u3164", "\uffa0", "\u2800", "\ufe0f", "\U000e0100",  # without a glyph
        "\x00", "\n", "\t", "\x7f", "\x85", "\u2028", "\u00a0", "\u3000", "\ue000", "\ud800", "\u0378",
    ],
)  # fmt: skip
def test_a_name_has_no_character_that_nobody_sees(char: str) -> None:
    assert [find_name(name) for name in (f"al{char}ice", f"{char}alice", f"alice{char}", char)] == [None] * 4


def test_a_name_has_no_spaces_around_it() -> None:
    assert [find_name(name) for name in ("", " ", " alice", "alice ")] == [None] * 4


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("blue hatchback", "blue hatchback"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("call \u202e54321\u202c now", "call 54321 now"),
        ("a\u2066b\u2069c\u200fd\u061ce", "abcde"),
        ("z\u200be\u2060r\ufeffo\u00ad", "zero"),
        ("\U000e0041\u3164\x85", ""),
        ("Rene\u0301", "Ren\u00e9"),
        # As emoji and Persian are written.
        ("\U0001f469\u200d\U0001f4bb \u2764\ufe0f", "\U0001f469\u200d\U0001f4bb \u2764\ufe0f"),
        ("\u0645\u06cc\u200c\u0631\u0648\u0645", "\u0645\u06cc\u200c\u0631\u0648\u0645"),
    ],
)
def test_a_text_loses_what_is_invisible_or_turns_it_around(written: str, kept: str) -> None:
    assert cleaned(written) == kept == cleaned(kept)
