"""Who may share that they are a woman: everybody, or, where the operator asks for it, whose token states it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import pytest

from matcher.domain.errors.tree import GenderClaimRequired
from matcher.domain.principal import Principal, Role
from matcher.people.profile import ShareGender
from matcher.people.store import PostgresPeople
from tests.world import NOW

ROSA = Principal("t:rosa", Role.RIDER, "jwt")


class People:
    """What is shared, in memory."""

    def __init__(self) -> None:
        self.shared: list[bool] = []

    async def share(self, _user: str, *, woman: bool, **_: Any) -> list[UUID]:
        self.shared.append(woman)
        return []


async def follow(_changed: Sequence[UUID]) -> None:
    """No offer follows."""


@pytest.mark.parametrize("needs_claim", [False, True])
@pytest.mark.parametrize("claims", [False, True])
async def test_sharing_needs_the_claim_where_the_operator_asks_for_it(needs_claim: bool, claims: bool) -> None:
    people = People()
    share = ShareGender(cast("PostgresPeople", people), follow, needs_claim=needs_claim)
    rosa = replace(ROSA, claims_woman=claims)
    if needs_claim and not claims:
        with pytest.raises(GenderClaimRequired, match="a token of your login that states it"):
            await share(True, rosa, NOW)
        assert people.shared == []
    else:
        assert (await share(True, rosa, NOW)).is_woman
    assert not (await share(False, rosa, NOW)).is_woman  # anybody may stop
