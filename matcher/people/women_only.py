"""The wish to travel with women only. It requires that the person shares being a woman herself.

The service uses it to match and shows it to nobody: no answer, event or log carries it, and it has no reason of its own
among those of offers turned away (`TurnedAway`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from matcher.domain.errors.tree import SharingRequired
from matcher.domain.offer import OfferDraft


class Sharing(Protocol):
    """What users share of themselves."""

    async def is_woman(self, user: str) -> bool:
        """Whether the user shares being a woman. Raises DatabaseUnavailable."""


async def with_driver(draft: OfferDraft, sharing: Sharing, user: str) -> OfferDraft:
    """The draft with what its driver shares. Raises SharingRequired."""
    return replace(draft, driver_is_woman=await shares_being_woman(sharing, user, women_only=draft.women_only))


async def shares_being_woman(sharing: Sharing, user: str, *, women_only: bool) -> bool:
    """What the user shares. Raises SharingRequired when `women_only` is asked for without sharing it."""
    is_woman = await sharing.is_woman(user)
    require_shared(women_only, is_woman)
    return is_woman


def require_shared(women_only: bool | None, is_woman: bool) -> None:
    """Raises SharingRequired when `women_only` is asked for without sharing to be a woman."""
    if women_only and not is_woman:
        detail = 'requires that you share your own gender: PATCH /v1/me with {"share_gender": "woman"} first'
        raise SharingRequired.at("/women_only", detail, "women_only")
