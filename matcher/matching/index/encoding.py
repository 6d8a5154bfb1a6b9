"""Ids, drivers and preferences as integers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from uuid import UUID

from matcher.domain.offer import PREFERENCE_KEYS


def driver_digest(driver_id: str) -> int:
    """A driver as a 64-bit integer: the first 8 bytes of the SHA-256 of their id.

    Among a million drivers the chance that any two share one is 1 in 37 million.
    """
    return int.from_bytes(hashlib.sha256(driver_id.encode()).digest()[:8])


def halves(offer_id: UUID) -> tuple[int, int]:
    """The upper and the lower 64 bits of an id."""
    return offer_id.int >> 64, offer_id.int & (2**64 - 1)


def preference_masks(preferences: Mapping[str, bool]) -> tuple[int, int]:
    """(stated, welcome): bit k stands for PREFERENCE_KEYS[k]; welcome is a part of stated."""
    stated = welcome = 0
    for k, key in enumerate(PREFERENCE_KEYS):
        if key in preferences:
            stated |= 1 << k
            welcome |= int(preferences[key]) << k
    return stated, welcome
