"""Entity tags and conditions (RFC 9110 sections 8.8.3 and 13), and page cursors."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from aiohttp import web

from api.call.endpoint import B, Call, Q
from api.call.errors import InvalidHeader
from api.schemas.fields import MAX_YEAR, MIN_YEAR
from matcher.domain.errors.tree import Fault, InvalidCursor, PreconditionRequired, StaleVersion

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_OURS = re.compile(r"[1-9]\d{0,8}", re.ASCII)

#: Entity tags as (weak, tag), or any.
Tags = list[tuple[bool, str]] | Literal["*"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = struct.Struct(">q16s8s")


class Versioned(Protocol):
    """A resource whose version grows with every change."""

    @property
    def version(self) -> int: ...


class ListQuery(Protocol):
    """The parameters of a list that is read page by page."""

    @property
    def cursor(self) -> str | None: ...
    @property
    def filters(self) -> object:
        """What decides which things are in the list; with the same repr exactly when it is the same list."""


def etag(resource: Versioned) -> str:
    """The strong entity tag of a resource: its version."""
    return f'"{resource.version}"'


def is_known(request: web.Request, resource: Versioned) -> bool:
    """Whether If-None-Match says that the caller has this version (weak comparison)."""
    tags = _tags(request, "If-None-Match")
    return tags is not None and (tags == "*" or any(tag == str(resource.version) for _, tag in tags))


async def expected_version(
    call: Call[Q, B], *, required: bool, read: Callable[[], Awaitable[Versioned]] | None = None, what: str = "offer"
) -> int | None:
    """The version that If-Match allows, by strong comparison; None when any will do.

    Where a version is required, `*` is the present one, whatever it is. `read` gets the resource, by default the offer of the path.

    Raises PreconditionRequired when the header is required and absent, StaleVersion when no tag can match, OfferNotFound,
    InvalidHeader.
    """
    tags = _tags(call.request, "If-Match")
    if tags is None:
        if required:
            raise PreconditionRequired(f"send If-Match with the ETag of the {what} that you read")
        return None
    if tags == "*" and not required:
        return None
    ours = [] if tags == "*" else [int(tag) for weak, tag in tags if not weak and _OURS.fullmatch(tag)]
    if len(ours) == 1:
        return ours[0]
    found = await (call.carpool.read_offers.get(call.offer_id, call.principal) if read is None else read())
    present = found.version
    if tags != "*" and present not in ours:
        raise StaleVersion(f"the {what} is at version {present} now: read it again before changing it")
    return present


def encode_cursor(position: tuple[datetime, UUID], query: ListQuery) -> str:
    """A page position as an opaque text, bound to the filters of its list."""
    micros = (position[0] - _EPOCH) // timedelta(microseconds=1)
    packed = _CURSOR.pack(micros, position[1].bytes, _filters(query))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_cursor(query: ListQuery) -> tuple[datetime, UUID] | None:
    """The position that a cursor names. Raises InvalidCursor for one that we did not make for this list."""
    if query.cursor is None:
        return None
    try:
        packed = base64.b64decode(query.cursor + "=" * (-len(query.cursor) % 4), altchars=b"-_", validate=True)
        micros, raw_id, filters = _CURSOR.unpack(packed)
        departure = _EPOCH + timedelta(microseconds=micros)
    except (binascii.Error, struct.error, OverflowError, ValueError):
        raise _invalid_cursor("was not issued by this service") from None
    if not MIN_YEAR <= departure.year <= MAX_YEAR:
        raise _invalid_cursor("was not issued by this service")
    if filters != _filters(query):
        raise _invalid_cursor("belongs to a list with other filters: send the same filters, or start without a cursor")
    return departure, UUID(bytes=raw_id)


def _filters(query: ListQuery) -> bytes:
    return hashlib.sha256(repr(query.filters).encode()).digest()[:8]


def _tags(request: web.Request, header: str) -> Tags | None:
    """The entity tags of a header, or None when it is absent. Raises InvalidHeader."""
    given = request.headers.getall(header, [])
    if not given:
        return None
    joined = ", ".join(given).strip()
    if joined == "*":
        return "*"
    tags: list[tuple[bool, str]] = []
    position = 0
    while position < len(joined):
        match = _TAG.match(joined, position)
        if match is None:
            raise _invalid(header, 'must be * or entity tags in double quotes, like "3"')
        tags.append((match[1] is not None, match[2]))
        rest = re.compile(r"[ \t]*(,[ \t]*)*").match(joined, match.end())
        position = match.end() if rest is None else rest.end()
    if not tags:
        raise _invalid(header, 'must be * or entity tags in double quotes, like "3"')
    return tags


def _invalid(header: str, detail: str) -> InvalidHeader:
    return InvalidHeader(f"{header} {detail}", faults=[Fault(header, detail, InvalidHeader.code)])


def _invalid_cursor(detail: str) -> InvalidCursor:
    return InvalidCursor(f"the cursor {detail}", faults=[Fault("/cursor", detail, InvalidCursor.code)])
