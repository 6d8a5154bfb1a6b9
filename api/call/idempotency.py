"""Calls that may be repeated: the answer to a call with an Idempotency-Key is kept, and given again byte for byte."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from api.call.endpoint import B, Call, Q
from api.call.errors import InvalidHeader
from api.call.rendering import JSON_TYPE, json_bytes
from matcher.domain.errors.tree import Fault
from matcher.domain.idempotency import AnsweredBefore, IdempotencyRequest, Keep, StoredAnswer

T = TypeVar("T")

_KEY = re.compile(r'"?([A-Za-z0-9_.:/+=-]{1,200})"?', re.ASCII)
IDEMPOTENCY_KEY_PATTERN = r"^[A-Za-z0-9_.:/+=-]{1,200}$"


def created(location: str, model: BaseModel, *, etag: str | None = None) -> StoredAnswer:
    """201 with the model as JSON and where the new resource is."""
    tag = {} if etag is None else {"ETag": etag}
    return StoredAnswer(201, {"Content-Type": JSON_TYPE, "Location": location, **tag}, json_bytes(model))


async def answer_once(
    call: Call[Q, B],
    make: Callable[[Keep[T] | None], Awaitable[T]],
    render: Callable[[T], Awaitable[StoredAnswer]],
) -> StoredAnswer:
    """`make` something, once for each Idempotency-Key, and `render` it; or the first answer, marked as replayed.

    Raises InvalidHeader, IdempotencyKeyReused, and whatever `make` raises.
    """
    request = idempotency_of(call)
    try:
        return await render(await make(None if request is None else Keep(request, render)))
    except AnsweredBefore as earlier:
        answer = earlier.answer
        return replace(answer, headers={**answer.headers, "Idempotency-Replayed": "true"})


def sent(answer: StoredAnswer) -> web.Response:
    """The answer as it goes out."""
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


def idempotency_of(call: Call[Q, B]) -> IdempotencyRequest | None:
    """The key with a fingerprint of the call's meaning: white space and the order of members do not matter.

    Raises InvalidHeader.
    """
    given = call.request.headers.getall("Idempotency-Key", [])
    if not given:
        return None
    match = _KEY.fullmatch(given[0].strip()) if len(given) == 1 else None
    if match is None:
        detail = "must be given once, as 1 to 200 letters, digits or one of _.:/+=-"
        faults = [Fault("Idempotency-Key", detail, InvalidHeader.code)]
        raise InvalidHeader(f"Idempotency-Key {detail}", faults=faults)
    meaning = json.dumps(call.body.model_dump(mode="json", exclude_unset=True), sort_keys=True)
    what = f"{call.request.method} {call.request.path}\n{meaning}"
    return IdempotencyRequest(call.principal.user, match[1], hashlib.sha256(what.encode()).digest())
