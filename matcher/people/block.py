"""Somebody does not want to meet somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

MAX_BLOCKS = 1000


class KnownBy(StrEnum):
    """How the blocker named the other: by user name, or by an offer or booking, which does not tell who it is."""

    USER = "user"
    OFFER = "offer"
    BOOKING = "booking"


@dataclass(frozen=True, slots=True)
class Block:
    """`blocker` does not want to meet `blocked`; it holds in both directions.

    `reference` is what the blocker named, in the blocker's words: the list of one's blocks tells nothing that was not
    known before.
    """

    id: UUID
    blocker: str
    blocked: str
    known_by: KnownBy
    reference: str
    created_at: datetime
