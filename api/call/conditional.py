"""Entity tags and conditional requests (RFC 9110 sections 8.8.3 and 13)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal, Protocol

from aiohttp import web

from api.call.errors import InvalidHeader
from api.call.rendering import json_response
from api.schemas.fields import WireOut
from matcher.domain.errors.tree import Fault, PreconditionRequired, StaleVersion

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_BETWEEN_TAGS = re.compile(r"[ \t]*(,[ \t]*)*")
_OURS = re.compile(r"[1-9]\d{0,8}", re.ASCII)
#: How often a change with `If-Match: *` is retried when the resource is changed at the same time.
_RETRIES = 9

#: Entity tags as (weak, tag), or any.
Tags = list[tuple[bool, str]] | Literal["*"]


class Versioned(Protocol):
    """A resource whose version grows with every change."""

    @property
    def version(self) -> int: ...


Read = Callable[[], Awaitable[Versioned]]


def etag(resource: Versioned) -> str:
    """The strong entity tag of a resource: its version."""
    return f'"{resource.version}"'


def tagged(resource: Versioned, answer: WireOut) -> web.Response:
    """The answer about a resource, with its entity tag."""
    return json_response(answer, headers={"ETag": etag(resource)})


def not_modified(request: web.Request, resource: Versioned) -> web.Response | None:
    """304 when If-None-Match names the current version (weak comparison); else None. Raises InvalidHeader."""
    tags = _tags(request, "If-None-Match")
    if tags is None or not (tags == "*" or any(tag == str(resource.version) for _, tag in tags)):
        return None
    return web.Response(status=304, headers={"ETag": etag(resource)})


async def change_matching(
    request: web.Request, what: str, read: Read, change: Callable[[int], Awaitable[web.Response]]
) -> web.Response:
    """Change the version that If-Match requires; with `*` the current one, whichever it is when others change it too.

    `what` names the resource in errors. Raises PreconditionRequired without the header, StaleVersion, InvalidHeader.
    """
    tags = _tags(request, "If-Match")
    if tags is None:
        raise PreconditionRequired(f"send If-Match with the ETag of the {what} that you read")
    for _ in range(_RETRIES if tags == "*" else 0):
        with suppress(StaleVersion):  # changed between our read and our write
            return await change((await read()).version)
    return await change((await read()).version if tags == "*" else await _matching(tags, what, read))


async def version_wanted(request: web.Request, what: str, read: Read) -> int | None:
    """The version that an optional If-Match allows, by strong comparison; None when any will do.

    Raises StaleVersion when no tag can match, InvalidHeader.
    """
    tags = _tags(request, "If-Match")
    return None if tags is None or tags == "*" else await _matching(tags, what, read)


def stale(what: str, version: int) -> StaleVersion:
    """The error for a version that is no longer current."""
    return StaleVersion(f"the {what} is at version {version} now: read it again before changing it")


async def _matching(tags: list[tuple[bool, str]], what: str, read: Read) -> int:
    """The only version among the tags, or the current one if it is among them. Raises StaleVersion."""
    ours = [int(tag) for weak, tag in tags if not weak and _OURS.fullmatch(tag)]
    if len(ours) == 1:
        return ours[0]
    current = (await read()).version
    if current not in ours:
        if (True, str(current)) in tags:
            raise StaleVersion(
                f'the ETag was weakened on its way (W/"{current}"), usually by a proxy that compresses: '
                f'send "{current}", and have the proxy leave the ETag as it is'
            )
        raise stale(what, current)
    return current


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
    while (match := _TAG.match(joined, position)) is not None:
        tags.append((match[1] is not None, match[2]))
        between = _BETWEEN_TAGS.match(joined, match.end())
        position = match.end() if between is None else between.end()
    if not tags or position < len(joined):
        detail = 'must be * or entity tags in double quotes, like "3"'
        raise InvalidHeader(f"{header} {detail}", faults=[Fault(header, detail, InvalidHeader.code)])
    return tags
