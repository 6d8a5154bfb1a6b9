"""Lists that are read page by page: cursors, and the link to the next page."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiohttp import web

from api.call.rendering import json_response
from api.schemas.fields import MAX_YEAR, MIN_YEAR, PageQuery, WireOut
from matcher.domain.errors.tree import Fault, InvalidCursor

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = struct.Struct(">q16s8s")
_NOT_OURS = "was not issued by this service"


def next_cursor(position: tuple[datetime, UUID] | None, query: PageQuery) -> str | None:
    """The position of the next page as an opaque text, bound to the filters of its list; None on the last page."""
    if position is None:
        return None
    micros = (position[0] - _EPOCH) // timedelta(microseconds=1)
    packed = _CURSOR.pack(micros, position[1].bytes, _filters(query))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def position_of(query: PageQuery) -> tuple[datetime, UUID] | None:
    """The position that the query's cursor names. Raises InvalidCursor for one that was not issued for this list."""
    if query.cursor is None:
        return None
    try:
        packed = base64.b64decode(query.cursor + "=" * (-len(query.cursor) % 4), altchars=b"-_", validate=True)
        micros, raw_id, filters = _CURSOR.unpack(packed)
        moment = _EPOCH + timedelta(microseconds=micros)
    except (binascii.Error, struct.error, OverflowError, ValueError):
        raise invalid_cursor(_NOT_OURS) from None
    if not MIN_YEAR <= moment.year <= MAX_YEAR:
        raise invalid_cursor(_NOT_OURS)
    if filters != _filters(query):
        raise invalid_cursor("belongs to a list with other filters: send the same filters, or start without a cursor")
    return moment, UUID(bytes=raw_id)


def page_response(request: web.Request, page: WireOut, cursor: str | None) -> web.Response:
    """The page, with a Link header to the next one."""
    headers = {} if cursor is None else {"Link": f'<{request.rel_url.update_query(cursor=cursor)}>; rel="next"'}
    return json_response(page, headers=headers)


def invalid_cursor(detail: str = _NOT_OURS) -> InvalidCursor:
    """The error for a cursor that cannot be used."""
    return InvalidCursor(f"the cursor {detail}", faults=[Fault("/cursor", detail, InvalidCursor.code)])


def _filters(query: PageQuery) -> bytes:
    return hashlib.sha256(repr(query.filters).encode()).digest()[:8]
