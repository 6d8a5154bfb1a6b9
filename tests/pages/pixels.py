"""What is drawn on a canvas, read back from the picture of the page."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

from playwright.async_api import Page

Colour = tuple[int, int, int]


async def colours_of(page: Page, selector: str) -> Counter[Colour]:
    """How many pixels of an element have each colour."""
    return colours(await page.locator(selector).first.screenshot())


def colours(png: bytes) -> Counter[Colour]:
    """The same of a PNG file of 8 bits a channel, as browsers write them."""
    width, height, channels, rows = _unpacked(png)
    counts: Counter[Colour] = Counter()
    for row in rows:
        counts.update(zip(row[0::channels], row[1::channels], row[2::channels], strict=False))
    assert counts.total() == width * height
    return counts


def has_at(png: bytes, colour: Colour, x: float, y: float, *, around: int = 2, reach: int = 12) -> bool:
    """Whether a pixel at a place of a PNG file, or close to it, has a colour."""
    width, height, channels, rows = _unpacked(png)
    for row in rows[max(0, round(y) - around) : min(height, round(y) + around + 1)]:
        for column in range(max(0, round(x) - around), min(width, round(x) + around + 1)):
            pixel = row[column * channels : column * channels + 3]
            if max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) <= reach:
                return True
    return False


def near(colour: Colour, counts: Counter[Colour], *, share: float, reach: int = 12) -> bool:
    """Whether at least a share of the pixels has a colour, or one that nobody can tell from it."""
    alike = sum(
        count for each, count in counts.items() if max(abs(a - b) for a, b in zip(each, colour, strict=True)) <= reach
    )
    return alike >= share * counts.total()


def _unpacked(png: bytes) -> tuple[int, int, int, list[bytes]]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data, head = 8, b"", b""
    while at < len(png):
        (length,), kind = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        body = png[at + 8 : at + 8 + length]
        head, data = (body if kind == b"IHDR" else head), data + (body if kind == b"IDAT" else b"")
        at += length + 12
    width, height, depth, kind_of_colour = struct.unpack(">IIBB", head[:10])
    assert depth == 8
    channels = {2: 3, 6: 4}[kind_of_colour]
    raw, stride = zlib.decompress(data), width * channels
    rows: list[bytes] = []
    before = bytes(stride)
    for y in range(height):
        start = y * (stride + 1)
        before = _unfiltered(raw[start], raw[start + 1 : start + 1 + stride], before, channels)
        rows.append(before)
    return width, height, channels, rows


def _unfiltered(kind: int, line: bytes, above: bytes, step: int) -> bytes:
    """PNG section 9: each byte is the difference to its neighbours."""
    if kind == 0:
        return line
    if kind == 2:
        return bytes((byte + up) & 255 for byte, up in zip(line, above, strict=True))
    out = bytearray(line)
    for i in range(len(out)):
        left = out[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + above[i]) // 2
        else:
            guess = _paeth(left, above[i], corner)
        out[i] = (out[i] + guess) & 255
    return bytes(out)


def _paeth(left: int, up: int, corner: int) -> int:
    base = left + up - corner
    to_left, to_up, to_corner = abs(base - left), abs(base - up), abs(base - corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner
