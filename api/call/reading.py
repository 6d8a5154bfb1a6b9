"""From what arrives to wire models: media type, size, JSON, and every fault at once with a pointer to it."""

from __future__ import annotations

import asyncio
import difflib
import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import unquote, unquote_to_bytes

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.app_keys import METRICS, PROTECTION
from api.call.errors import CODINGS_READ, BodyTimeout, BodyTooLarge, InvalidQuery, MalformedJson, UnsupportedMediaType
from api.schemas.fields import SPELLINGS, WireIn
from api.schemas.places import TAG_MARK
from matcher.domain.errors.tree import Fault, InvalidInput
from matcher.operation.telemetry import SLOW_CLIENTS

JSON = ("application/json",)
MERGE_PATCH = ("application/merge-patch+json", "application/json")
#: More faults than this help nobody; a body of 256 KiB can hold a hundred thousand.
MAX_FAULTS = 50

_CODINGS = {"", "identity", "gzip", "deflate"}
_CODES = {
    "bool_type": "wrong_type",
    "dict_type": "wrong_type",
    "extra_forbidden": "unknown_field",
    "finite_number": "not_finite",
    "float_type": "wrong_type",
    "greater_than_equal": "too_small",
    "int_type": "wrong_type",
    "less_than_equal": "too_large",
    "list_type": "wrong_type",
    "literal_error": "not_a_choice",
    "model_type": "wrong_type",
    "string_pattern_mismatch": "wrong_characters",
    "string_type": "wrong_type",
    "too_long": "too_many",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
}

_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
}

M = TypeVar("M", bound=WireIn)


async def read_body(request: web.Request, model: type[M], media_types: Sequence[str] = JSON) -> M:
    """The body as `model`. Raises UnsupportedMediaType, BodyTooLarge, BodyTimeout, MalformedJson, InvalidInput."""
    _require_media_type(request, media_types)
    body = await _read(request)
    if not body.strip():
        raise MalformedJson("the body is empty: send a JSON object")
    try:
        parsed = model.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise MalformedJson(
                f"the body is not JSON in UTF-8: {found[0]['msg'].removeprefix('Invalid JSON: ')}"
            ) from None
        raise _invalid_body([_fault(details, model) for details in found]) from None
    _require_single_members(body)
    if faults := parsed.faults():
        raise _invalid_body(faults)
    return parsed


def read_query(request: web.Request, model: type[M]) -> M:
    """The query parameters as `model`. Raises InvalidQuery, also for a repeated parameter."""
    _require_utf8(request.rel_url.raw_query_string)
    given = request.query
    faults = [
        Fault(_pointer((name,)), "must not be given more than once", "repeated")
        for name in dict.fromkeys(given)
        if len(given.getall(name)) > 1
    ]
    if faults:
        raise _invalid_query(faults)
    try:
        parsed = model.model_validate(dict(given))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise _invalid_query([_fault(details, model) for details in found]) from None
    if faults := parsed.faults():
        raise _invalid_query(faults)
    return parsed


def _require_utf8(query: str) -> None:
    """Raises InvalidQuery for a parameter that is not percent-encoded UTF-8."""
    faults = []
    for parameter in query.split("&"):
        try:
            unquote_to_bytes(parameter).decode()
        except UnicodeDecodeError:
            name = unquote(parameter.partition("=")[0])
            faults.append(Fault(_pointer((name,)), "must be percent-encoded UTF-8", "wrong_characters"))
    if faults:
        raise _invalid_query(faults)


def _require_media_type(request: web.Request, media_types: Sequence[str]) -> None:
    charset = (request.charset or "utf-8").lower()
    if request.headers.get("Content-Type") is None or request.content_type not in media_types or charset != "utf-8":
        raise UnsupportedMediaType(f"send the body as {' or '.join(media_types)}, in UTF-8")
    if request.headers.get("Content-Encoding", "").lower() not in _CODINGS:
        raise UnsupportedMediaType(CODINGS_READ)


async def _read(request: web.Request) -> bytes:
    limit = request.client_max_size
    too_large = BodyTooLarge(f"the body is larger than the limit of {limit:,} bytes")
    if request.content_length is not None and request.content_length > limit:
        raise too_large
    protection, body = request.app[PROTECTION], bytearray()
    begun_s = asyncio.get_running_loop().time()
    at_most_s = begun_s + protection.body_timeout_s
    deadline = asyncio.timeout_at(min(at_most_s, begun_s + protection.header_timeout_s))
    try:
        async with deadline:
            while piece := await request.content.readany():
                body += piece
                if len(body) > limit:
                    raise too_large
                due_s = begun_s + protection.header_timeout_s + len(body) / protection.body_bytes_per_s
                deadline.reschedule(min(at_most_s, due_s))
        return bytes(body)
    except TimeoutError:
        request.app[METRICS].add(SLOW_CLIENTS, "body")
        raise BodyTimeout(
            f"the body came too slowly: send all of it within {protection.body_timeout_s:g} s, and after the first "
            f"{protection.header_timeout_s:g} s at least {protection.body_bytes_per_s:,} bytes a second"
        ) from None
    except (web.RequestPayloadError, ConnectionError):
        raise MalformedJson("the body is incomplete, or not encoded as Content-Encoding says") from None


def _require_single_members(body: bytes) -> None:
    """Raises MalformedJson for a duplicate member: parsers disagree on which one counts (RFC 8259 section 4)."""

    def refuse_repeated(members: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in members:
            if name in seen:
                raise MalformedJson(f"the member {name[:50]!r} appears twice in one object")
            seen.add(name)

    json.loads(body, object_pairs_hook=refuse_repeated, parse_int=float)


def _fault(details: ErrorDetails, model: type[WireIn]) -> Fault:
    kind, location = details["type"], details["loc"]
    context = details.get("ctx", {})
    spelling = SPELLINGS.get(context.get("pattern", ""))
    message = (
        spelling
        or _MESSAGES.get(kind)
        or re.sub(r"^\w+ should", "must", details["msg"]).replace(" after validation", "")
    )
    if kind == "extra_forbidden" and len(location) == 1:
        names = [field.alias or name for name, field in model.model_fields.items()]
        if alike := difflib.get_close_matches(str(location[0])[:50], names, n=1):
            message += f": did you mean `{alike[0]}`?"
    return Fault(_pointer(location), message, _CODES.get(kind, kind))


def _pointer(location: Sequence[int | str]) -> str:
    """RFC 6901, without the marks that pydantic leaves where a union was decided."""
    steps = [str(step) for step in location if not (isinstance(step, str) and step.startswith(TAG_MARK))]
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _invalid_body(faults: Sequence[Fault]) -> InvalidInput:
    return InvalidInput(_summary("the body", faults), faults=faults[:MAX_FAULTS])


def _invalid_query(faults: Sequence[Fault]) -> InvalidQuery:
    return InvalidQuery(_summary("the query", faults), faults=faults[:MAX_FAULTS])


def _summary(what: str, faults: Sequence[Fault]) -> str:
    first = faults[0]
    name = f"`{first.pointer.removeprefix('/')}` " if first.pointer else ""
    if len(faults) == 1:
        return f"{what} has a fault: {name}{first.detail}"
    return f"{what} has {len(faults)} faults; the first: {name}{first.detail}"
