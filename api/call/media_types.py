"""Which of several media types a caller would rather have (RFC 9110 section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aiohttp import web

_RANGE = re.compile(r"([\w!#$&^.+*-]+/[\w!#$&^.+*-]+)\s*((?:;[^,]*)?)", re.ASCII)
_QUALITY = re.compile(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.ASCII | re.IGNORECASE)


def best_of(request: web.BaseRequest, media_types: Sequence[str]) -> str:
    """The media type that `Accept` prefers, among equals the most specific; the first when it accepts none."""
    given = ", ".join(request.headers.getall("Accept", []))
    wanted: dict[str, float] = {}
    for match in _RANGE.finditer(given[:1000]):
        quality = _QUALITY.search(match[2])
        wanted.setdefault(match[1].lower(), 1.0 if quality is None else min(1.0, float(quality[1])))

    def worth(media_type: str) -> tuple[float, int]:
        ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
        for exactness, media_range in zip((2, 1, 0), ranges, strict=True):
            if media_range in wanted:
                quality = wanted[media_range]
                return quality, exactness if quality > 0 else 0
        return 0.0, 0

    return max(media_types, key=worth)
