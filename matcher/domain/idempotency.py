"""The answer that a call was given the first time, kept under its idempotency key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IdempotencyRequest:
    """The Idempotency-Key of a call: unique per `owner` (the principal's user) and `key`; `fingerprint` is a hash of the call."""

    owner: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer that was given the first time: status, the headers that matter, and the body, byte for byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
