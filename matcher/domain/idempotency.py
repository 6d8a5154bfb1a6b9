"""The answer to a call, kept under its Idempotency-Key: a repeated call gets it again, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class IdempotencyRequest:
    """The Idempotency-Key of a call, unique per `owner` (the principal's user); `fingerprint` is a hash of the call."""

    owner: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as the edge rendered it, byte for byte. Only the edge looks inside."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer and the key to keep it under, for the transaction of what the call made."""

    request: IdempotencyRequest
    answer: StoredAnswer


@dataclass(frozen=True, slots=True)
class Keep(Generic[T]):
    """The key of a call, and how its answer is rendered from what the call made."""

    request: IdempotencyRequest
    render: Callable[[T], Awaitable[StoredAnswer]]


async def rendered(keep: Keep[T] | None, made: T) -> KeptAnswer | None:
    """The answer to keep; None for a call without a key."""
    return None if keep is None else KeptAnswer(keep.request, await keep.render(made))


class AnsweredBefore(Exception):
    """The key was used before, for the same call: nothing was done again. `answer` is the first answer."""

    def __init__(self, answer: StoredAnswer) -> None:
        super().__init__("this call was answered before")
        self.answer = answer
