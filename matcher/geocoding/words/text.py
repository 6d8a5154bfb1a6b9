"""Text as it is compared: folded case and accents, words without punctuation."""

from __future__ import annotations

import re
import unicodedata

#: Longer queries are refused: no postal address is longer, and the cost of a look-up grows with its words.
MAX_QUERY_CHARS = 200

# Letters that Unicode does not decompose although people type the plain ones for them.
_PLAIN = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ħ": "h",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{MODIFIER LETTER APOSTROPHE}": "'",
        "`": "'",
    }
)
_WORD = re.compile(r"[^\W_]+")
_ELISION = re.compile(r"\b(l|d|dell|dall|nell|sull|all|un|qu)'(?=\w)")
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def clean(text: str) -> str:
    """The text with control characters, lone surrogates and runs of blanks gone: fit for logs, URLs and comparison."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(" " if unicodedata.category(c) in _UNPRINTABLE else c for c in text)
    return " ".join(text.split())


def fold(text: str) -> str:
    """Case, accents and compatibility forms removed ("ÑUÑOA" and "nunoa" become equal). Idempotent."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(c for c in text if not unicodedata.combining(c))
    # A compatibility form can decompose into capitals or further foldable letters, hence the second casefold.
    return unicodedata.normalize("NFC", text.casefold()).translate(_PLAIN)


def signs(text: str) -> list[str]:
    """The visible signs of a text without letters or digits, because a name may consist of signs alone."""
    return fold(clean(text)).split() or clean(text).split()


def words(text: str) -> list[str]:
    """The folded words of a text, in order: "O'Higgins 450-B" gives ohiggins, 450, b; "l'Église" gives l, eglise."""
    text = fold(text)
    if "'" in text:
        text = _APOSTROPHE.sub("", _ELISION.sub(r"\1 ", text))
    return _WORD.findall(text)
