"""Who is hidden from whom: remembered for a moment, and looked up anew when somebody blocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

import pytest

from matcher.domain.errors.bookings import BookingNotFound
from matcher.domain.errors.tree import InvalidField, OfferNotFound
from matcher.domain.principal import Principal, Role, is_own_user
from matcher.people.block import MAX_BLOCKS, Block
from matcher.people.blocks import Blocks, ManageBlocks
from tests.world import NOW

RITA = Principal("rita", Role.RIDER, "k")


class BlocksInMemory:
    """BlockRepository; counts its look-ups."""

    def __init__(self) -> None:
        self.stored: list[Block] = []
        self.looked_up = 0

    async def put(self, block: Block) -> Block | None:
        for held in self.stored:
            if (held.blocker, held.known_by, held.reference) == (block.blocker, block.known_by, block.reference):
                return held
        if sum(held.blocker == block.blocker for held in self.stored) >= MAX_BLOCKS:
            return None
        self.stored.append(block)
        return block

    async def list_blocks(self, blocker: str) -> list[Block]:
        return [block for block in self.stored if block.blocker == blocker]

    async def remove(self, blocker: str, name: str) -> str | None:
        for block in self.stored:
            if block.blocker == blocker and name in {str(block.id), block.reference}:
                self.stored.remove(block)
                return block.blocked
        return None

    async def hidden_from(self, user: str) -> frozenset[str]:
        self.looked_up += 1
        return frozenset(
            {block.blocked for block in self.stored if block.blocker == user}
            | {block.blocker for block in self.stored if block.blocked == user}
        )

    async def find_driver(self, offer_id: UUID) -> str | None:
        return "dora" if offer_id == UUID(int=1) else None

    async def find_other(self, booking_id: UUID, user: str) -> str | None:
        return "dora" if booking_id == UUID(int=2) and user == "rita" else None


async def nobody_waits(_blocker: str, _blocked: str, _now: datetime) -> None:
    """No booking waits between the two."""


@pytest.fixture
def stored() -> BlocksInMemory:
    return BlocksInMemory()


async def test_it_holds_both_ways_at_once_and_is_looked_up_seldom(stored: BlocksInMemory) -> None:
    seconds = [0.0]
    blocks = Blocks(stored, remember_s=1.0, clock=lambda: seconds[0])
    manage = ManageBlocks(stored, blocks, make_id=uuid4, part=nobody_waits)
    for user in ("rita", "dora"):
        assert await blocks.hidden_from(user) == frozenset()
    await manage.block_user("dora", RITA, NOW)
    assert await blocks.hidden_from("rita") == {"dora"}
    assert await blocks.hidden_from("dora") == {"rita"}
    before = stored.looked_up
    for _ in range(5):
        await blocks.hidden_from("rita")
    assert stored.looked_up == before
    seconds[0] += 1.0
    await blocks.hidden_from("rita")
    assert stored.looked_up == before + 1
    await manage.unblock("dora", RITA)
    assert await blocks.hidden_from("dora") == frozenset()


async def test_naming_is_by_offer_by_booking_or_by_name(stored: BlocksInMemory) -> None:
    manage = ManageBlocks(stored, Blocks(stored), make_id=uuid4, part=nobody_waits)
    await manage.block_driver(UUID(int=1), RITA, NOW)
    await manage.block_companion(UUID(int=2), RITA, NOW)
    assert {block.blocked for block in await manage.list_blocks(RITA)} == {"dora"}
    with pytest.raises(OfferNotFound):
        await manage.block_driver(UUID(int=9), RITA, NOW)
    with pytest.raises(BookingNotFound):
        await manage.block_companion(UUID(int=2), replace(RITA, user="eve"), NOW)
    with pytest.raises(InvalidField):
        await manage.block_driver(UUID(int=1), replace(RITA, user="dora"), NOW)


async def test_a_list_has_an_end(stored: BlocksInMemory) -> None:
    manage = ManageBlocks(stored, Blocks(stored), make_id=uuid4, part=nobody_waits)
    for number in range(MAX_BLOCKS):
        await manage.block_user(f"user-{number}", RITA, NOW)
    with pytest.raises(InvalidField, match="remove one"):
        await manage.block_user("one-more", RITA, NOW)


def test_a_partners_user_is_named_within_the_partner() -> None:
    alice = Principal("acme:alice", Role.RIDER, "k")
    assert [alice.qualified(name) for name in ("bob", "other:bob")] == ["acme:bob", "other:bob"]
    assert RITA.qualified("bob") == "bob"
    # Users of tokens, and those whom a token's server acts for.
    assert Principal("t:alice", Role.RIDER, "k").qualified("bob") == "t:bob"
    assert Principal("t:acme:alice", Role.RIDER, "k").qualified("bob") == "t:acme:bob"


@pytest.mark.parametrize("name", ["do\u202era", "do\u200bra", " dora", "dora\n", "dora\u00a0", "\u3164", ""])
async def test_a_name_that_nobody_can_have_is_not_blocked(stored: BlocksInMemory, name: str) -> None:
    manage = ManageBlocks(stored, Blocks(stored), make_id=uuid4, part=nobody_waits)
    with pytest.raises(InvalidField) as refused:
        await manage.block_user(name, RITA, NOW)
    assert "invisible" in refused.value.detail
    assert stored.stored == []


async def test_a_name_is_blocked_however_it_is_spelt(stored: BlocksInMemory) -> None:
    manage = ManageBlocks(stored, Blocks(stored), make_id=uuid4, part=nobody_waits)
    await manage.block_user("Rene\u0301", RITA, NOW)
    assert [block.blocked for block in stored.stored] == ["Ren\u00e9"]
    await manage.unblock("Rene\u0301", RITA)
    assert stored.stored == []


def test_what_may_be_erased_with_a_credential() -> None:
    persons = {Role.RIDER, Role.DRIVER}
    for role in Role:
        assert Principal("boss", role, "k").erasable == ({*Role} if role is Role.ADMIN else persons | {role})
    both = Principal("boss", Role.DRIVER, "jwt", others=frozenset({Role.RIDER}))
    assert both.for_call({*Role}).erasable == persons


def test_the_role_is_the_one_that_the_call_asks_for() -> None:
    both = Principal("pat", Role.DRIVER, "k", others=frozenset({Role.RIDER}))
    drivers, riders = {Role.DRIVER, Role.PARTNER, Role.ADMIN}, {Role.RIDER, Role.PARTNER, Role.ADMIN}
    assert both.for_call(drivers).role is Role.DRIVER
    assert both.for_call(riders).role is Role.RIDER
    assert both.for_call(drivers | riders).role is Role.PARTNER
    assert both.for_call({Role.OPS}).role is Role.DRIVER
    server = Principal("acme", Role.PARTNER, "k", act_as=frozenset({Role.RIDER}))
    assert server.acting_for("al", drivers) is None
    assert server.acting_for("al", riders) == Principal("acme:al", Role.RIDER, "k")


def test_a_name_that_a_server_may_send() -> None:
    assert all(is_own_user(name) for name in ("a", "alice@example.org", "x" * 64, "7|8"))
    assert not any(is_own_user(name) for name in ("", "a:b", "a b", "x" * 65, "é", "a\n"))
