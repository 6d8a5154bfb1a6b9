"""Names of users and texts by users, free of characters that nobody sees or that turn others around."""

from __future__ import annotations

import re
import unicodedata

#: Other characters without a glyph than those of the categories below: fillers, joiners and variation selectors.
_WITHOUT_GLYPH = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
#: Controls, formats, surrogates, separators of lines and paragraphs.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
#: What nobody knows the look of: private and unassigned characters. In texts they may be an emoji newer than this.
_UNKNOWN = {"Co", "Cn"}
#: In texts these stay: ASCII controls, which the schemas refuse but for line breaks and tabs, and what scripts and
#: emoji are written with: non-joiner, joiner, variation selectors.
_KEPT_IN_TEXT = re.compile("[\x00-\x1f\x7f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]")

NAME_RULE = "must have visible characters and spaces only, no invisible ones and none that change the direction of text"


def find_name(text: str) -> str | None:
    """The text as a name: in NFC (Unicode Annex 15), so that one name has one spelling. None when it cannot be one.

    A name has no character that is invisible or changes the direction of text, no space but U+0020, and none at its
    ends.
    """
    name = unicodedata.normalize("NFC", text)
    wrong = any(
        _is_unseen(char) or unicodedata.category(char) in _UNKNOWN or (char != " " and char.isspace()) for char in name
    )
    return None if wrong or not name or name != name.strip() else name


def cleaned(text: str) -> str:
    """A text in NFC without the characters that are invisible or change its direction; ASCII controls stay."""
    kept = [char for char in text if _KEPT_IN_TEXT.match(char) or not _is_unseen(char)]
    return unicodedata.normalize("NFC", "".join(kept))


def _is_unseen(char: str) -> bool:
    return unicodedata.category(char) in _UNSEEN or _WITHOUT_GLYPH.match(char) is not None
