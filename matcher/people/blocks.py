"""Users block each other: they are never matched, and nobody is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from time import monotonic
from typing import Protocol
from uuid import UUID

from matcher.domain.errors.bookings import BookingNotFound
from matcher.domain.errors.tree import InvalidField, OfferNotFound
from matcher.domain.names import NAME_RULE, find_name
from matcher.domain.principal import MAX_USER_NAME, Principal
from matcher.people.block import MAX_BLOCKS, Block, KnownBy

_REMEMBERED = 10_000

#: Everybody the user has blocked or is blocked by.
HiddenFrom = Callable[[str], Awaitable[frozenset[str]]]
#: Ends what waits between (who blocks, who is blocked) at a moment.
PartTwo = Callable[[str, str, datetime], Awaitable[None]]


class BlockRepository(Protocol):
    """Blocks on disk."""

    async def put(self, block: Block) -> Block | None:
        """Store a block, or return the existing equal one. None when the blocker has MAX_BLOCKS."""

    async def list_blocks(self, blocker: str) -> list[Block]:
        """All blocks of one blocker, oldest first."""

    async def remove(self, blocker: str, name: str) -> str | None:
        """Remove the block with this id or user name; returns who was blocked, None when there is no such block."""

    async def hidden_from(self, user: str) -> frozenset[str]:
        """Everybody the user has blocked or is blocked by."""

    async def find_driver(self, offer_id: UUID) -> str | None:
        """Who drives an offer, or None."""

    async def find_other(self, booking_id: UUID, user: str) -> str | None:
        """The other person of a booking of the user's, or None when there is no such booking of theirs."""


class Blocks:
    """Who is hidden from whom, cached for `remember_s`: so late may a block made by another process take effect."""

    def __init__(
        self, repository: BlockRepository, *, remember_s: float = 1.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._repository = repository
        self._remember_s = remember_s
        self._clock = clock
        self._remembered: dict[str, tuple[float, frozenset[str]]] = {}

    async def hidden_from(self, user: str) -> frozenset[str]:
        """Everybody the user has blocked or is blocked by. Raises DatabaseUnavailable."""
        held = self._remembered.get(user)
        if held is not None and self._clock() - held[0] < self._remember_s:
            return held[1]
        asked_at = self._clock()
        hidden = await self._repository.hidden_from(user)
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[user] = (asked_at, hidden)
        return hidden

    def forget(self, *users: str) -> None:
        for user in users:
            self._remembered.pop(user, None)


class ManageBlocks:
    """Makes, lists and removes blocks. Blocking a user who does not exist is answered like any other block."""

    def __init__(
        self, repository: BlockRepository, blocks: Blocks, *, make_id: Callable[[], UUID], part: PartTwo
    ) -> None:
        """`part` cancels the bookings that wait between the two."""
        self._repository = repository
        self._blocks = blocks
        self._make_id = make_id
        self._part = part

    async def block_user(self, user: str, principal: Principal, now: datetime) -> Block:
        """Block a user by name; a partner's user can name users of the same partner. Raises InvalidField."""
        name = find_name(user)
        if name is None or len(name) > MAX_USER_NAME:
            raise _wrong("/user", NAME_RULE if name is None else f"must have 1 to {MAX_USER_NAME} characters")
        return await self._block(principal, principal.qualified(name), KnownBy.USER, name, now)

    async def block_driver(self, offer_id: UUID, principal: Principal, now: datetime) -> Block:
        """Block the driver of an offer without learning who it is. Raises OfferNotFound, InvalidField."""
        driver = await self._repository.find_driver(offer_id)
        if driver is None:
            raise OfferNotFound("there is no such offer")
        return await self._block(principal, driver, KnownBy.OFFER, str(offer_id), now)

    async def block_companion(self, booking_id: UUID, principal: Principal, now: datetime) -> Block:
        """Block the other person of one of the caller's bookings. Raises BookingNotFound."""
        other = await self._repository.find_other(booking_id, principal.user)
        if other is None:
            raise BookingNotFound("you have no booking with this id")
        return await self._block(principal, other, KnownBy.BOOKING, str(booking_id), now)

    async def list_blocks(self, principal: Principal) -> list[Block]:
        return await self._repository.list_blocks(principal.user)

    async def unblock(self, name: str, principal: Principal) -> None:
        """Remove the block with this id or user name; nothing is done when there is none."""
        other = await self._repository.remove(principal.user, find_name(name) or name)
        if other is not None:
            self._blocks.forget(principal.user, other)

    async def _block(self, principal: Principal, other: str, known_by: KnownBy, reference: str, now: datetime) -> Block:
        if other == principal.user:
            raise _wrong("/user", "must be somebody else")
        made = await self._repository.put(Block(self._make_id(), principal.user, other, known_by, reference, now))
        if made is None:
            raise InvalidField(f"at most {MAX_BLOCKS} people can be blocked: remove one first")
        self._blocks.forget(principal.user, other)
        await self._part(principal.user, other, now)
        return made


def _wrong(pointer: str, detail: str) -> InvalidField:
    return InvalidField.at(pointer, detail, pointer[1:])
