"""What persons share of themselves with the service, and the wish "women only" that stands on it.

The wish is for those who share the same: a woman who wants to travel with women only says that she is one. The service uses it to match,
and tells nobody: no answer, event or log carries it, and nobody else's counts tell it apart (`TurnedAway`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from matcher.domain.errors.tree import Fault, SharingRequired, StaleVersion
from matcher.domain.match import RequestDraft
from matcher.domain.offer import OfferDraft
from matcher.domain.principal import Principal
from matcher.people.ports import PeopleRepository
from matcher.trips.offer_index import OfferIndex
from matcher.trips.offers.repository import OfferRepository


class Sharing(Protocol):
    """What somebody shares."""

    async def is_woman(self, user: str) -> bool:
        """Whether the user shares being a woman."""


class _NothingShared:
    """Where nobody can say anything of themselves."""

    async def is_woman(self, user: str) -> bool:  # noqa: ARG002  # the same for everybody
        """False."""
        return False


NOTHING_SHARED: Sharing = _NothingShared()


async def with_driver(draft: OfferDraft, sharing: Sharing, user: str) -> OfferDraft:
    """The draft with what its driver shares. Raises SharingRequired when it is for women only and the driver does not share it."""
    is_woman = await sharing.is_woman(user)
    require_shared(draft.women_only, is_woman)
    return replace(draft, driver_is_woman=is_woman) if draft.driver_is_woman != is_woman else draft


async def with_rider(draft: RequestDraft, sharing: Sharing, user: str) -> RequestDraft:
    """The draft with what its rider shares. Raises SharingRequired when it is for women only and the rider does not share it."""
    is_woman = await sharing.is_woman(user)
    require_shared(draft.women_only, is_woman)
    return replace(draft, rider_is_woman=is_woman) if draft.rider_is_woman != is_woman else draft


def require_shared(women_only: bool | None, is_woman: bool) -> None:
    """Raises SharingRequired for a wish for women only by somebody who does not share being one."""
    if women_only and not is_woman:
        detail = 'is for women who share it with the service: PATCH /v1/me with {"share_gender": "woman"} first'
        raise SharingRequired(f"women_only {detail}", faults=[Fault("/women_only", detail, SharingRequired.code)])


@dataclass(frozen=True, slots=True)
class Profile:
    """Who somebody is here, and what they share."""

    user: str
    is_woman: bool

    @property
    def version(self) -> int:
        """The same as long as the same is shared, and whenever it is shared again: there is nothing else that a change could lose."""
        return 2 if self.is_woman else 1


class ShareGender:
    """A person shares being a woman, or takes it back. Open offers follow at once."""

    def __init__(self, people: PeopleRepository, offers: OfferRepository, index: OfferIndex) -> None:
        self._people = people
        self._offers = offers
        self._index = index

    async def profile(self, principal: Principal) -> Profile:
        """What the caller shares now."""
        return Profile(principal.user, await self._people.is_woman(principal.user))

    async def __call__(
        self, woman: bool, principal: Principal, now: datetime, expected_version: int | None = None
    ) -> Profile:
        """What the caller shares from now on, whatever it was unless a version of the profile is expected.

        Raises StaleVersion, and SharingInUse when it is taken back while open trips are for women only.
        """
        expected = None if expected_version is None else _shared_at(expected_version)
        changed = await self._people.share(principal.user, woman=woman, now=now, expected=expected)
        for offer in await self._offers.get_many(changed) if changed else ():
            self._index.put(offer)
        return Profile(principal.user, woman)


def _shared_at(version: int) -> bool:
    """Whether the profile of a version shares it. Raises StaleVersion when no profile has that version."""
    for is_woman in (False, True):
        if Profile("", is_woman).version == version:
            return is_woman
    raise StaleVersion("the profile has another version now: read it again before changing it")
