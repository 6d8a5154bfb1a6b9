"""Those who are in the demo, and how they call the service."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from api.cli.demo.world import Json
from matcher.domain.errors.tree import Unavailable


@dataclass(frozen=True, slots=True)
class Keys:
    """One key of each of those who are in the demo."""

    driver: str
    rider: str
    ops: str


@dataclass(frozen=True, slots=True)
class Users:
    """A session for each of them, which sends their key with every call."""

    driver: aiohttp.ClientSession
    rider: aiohttp.ClientSession
    ops: aiohttp.ClientSession


def session(url: str, key: str) -> aiohttp.ClientSession:
    """Calls with a key; close it in the end."""
    return aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {key}"}, middlewares=[_wait_when_told])


async def call(
    user: aiohttp.ClientSession, method: str, path: str, *, expected: Collection[str] = (), **options: Any
) -> Json:
    """The answer, or the problem of a refusal with an `expected` code. Raises Unavailable for any other refusal."""
    async with user.request(method, path, **options) as response:
        answer: Json = await response.json()
    if not response.ok and answer.get("code") not in expected:
        raise Unavailable(f"{method} {path} was refused: {answer.get('detail')}")
    return answer


async def _wait_when_told(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Retry calls that were rate limited, when Retry-After says: one user runs the demo again and again."""
    while (response := await handler(request)).status == web.HTTPTooManyRequests.status_code:
        response.release()
        await asyncio.sleep(int(response.headers["Retry-After"]))
    return response
