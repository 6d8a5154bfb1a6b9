"""A person's profile: what they share of themselves with the service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from matcher.domain.errors.tree import GenderClaimRequired, StaleVersion
from matcher.domain.principal import Principal
from matcher.people.store import PostgresPeople


@dataclass(frozen=True, slots=True)
class Profile:
    """A user and what they share."""

    user: str
    is_woman: bool

    @property
    def version(self) -> int:
        """Depends on what is shared only, as there is nothing else that a change could overwrite."""
        return 2 if self.is_woman else 1


class ShareGender:
    """Shares being a woman, or stops sharing it. `follow` is given the ids of the open offers that changed with it."""

    def __init__(
        self,
        people: PostgresPeople,
        follow: Callable[[Sequence[UUID]], Awaitable[None]],
        *,
        needs_claim: bool = False,
    ) -> None:
        """needs_claim: only users whose token says so may share it; else it is a self-declaration."""
        self._people = people
        self._follow = follow
        self._needs_claim = needs_claim

    async def profile(self, principal: Principal) -> Profile:
        return Profile(principal.user, await self._people.is_woman(principal.user))

    async def __call__(
        self, woman: bool, principal: Principal, now: datetime, expected_version: int | None = None
    ) -> Profile:
        """The changed profile; `expected_version` None overwrites whatever was shared.

        Raises StaleVersion, GenderClaimRequired, and SharingInUse when sharing stops while open trips are for women
        only.
        """
        if woman and self._needs_claim and not principal.claims_woman:
            raise GenderClaimRequired("sharing your gender here requires a token of your login that states it")
        expected = None if expected_version is None else _shared_at(expected_version)
        changed = await self._people.share(principal.user, woman=woman, now=now, expected=expected)
        if changed:
            await self._follow(changed)
        return Profile(principal.user, woman)


def _shared_at(version: int) -> bool:
    """What the profile of a version shares. Raises StaleVersion when no profile has that version."""
    for is_woman in (False, True):
        if Profile("", is_woman).version == version:
            return is_woman
    raise StaleVersion("your profile has changed: read it again before changing it")
