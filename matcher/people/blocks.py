"""People block each other: they never meet, and nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from uuid import UUID

from matcher.domain.errors.bookings import BookingNotFound
from matcher.domain.errors.tree import Fault, InvalidField, OfferNotFound
from matcher.domain.principal import MAX_USER_NAME, Principal
from matcher.people.block import MAX_BLOCKS, Block, KnownBy
from matcher.people.ports import BlockRepository
from matcher.people.ports import Blocks as BlocksPort

_REMEMBERED = 10_000


class Blocks:
    """Who is hidden from whom, remembered for `remember_s`: after that long a block made by way of another process holds here too."""

    def __init__(
        self, repository: BlockRepository, *, remember_s: float = 1.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._repository = repository
        self._remember_s = remember_s
        self._clock = clock
        self._remembered: dict[str, tuple[float, frozenset[str]]] = {}

    async def hidden_from(self, user: str) -> frozenset[str]:
        """Everybody whom the user has blocked or who has blocked the user. Raises DatabaseUnavailable."""
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
        """Look these users up anew."""
        for user in users:
            self._remembered.pop(user, None)


class _NobodyBlocked:
    """Where nobody can block anybody."""

    async def hidden_from(self, user: str) -> frozenset[str]:  # noqa: ARG002  # the same for everybody
        """Nobody."""
        return frozenset()


NOBODY_BLOCKED: BlocksPort = _NobodyBlocked()


class ManageBlocks:
    """Makes, lists and takes back blocks. Naming somebody who does not exist is answered as naming anybody else."""

    def __init__(self, repository: BlockRepository, blocks: Blocks, *, make_id: Callable[[], UUID]) -> None:
        self._repository = repository
        self._blocks = blocks
        self._make_id = make_id

    async def block_user(self, user: str, principal: Principal, now: datetime) -> Block:
        """Block somebody by name; a partner's user names another one of the same partner. Raises InvalidField."""
        if not 1 <= len(user) <= MAX_USER_NAME or not user.isprintable():
            raise _wrong("/user", "must be a user's name")
        return await self._block(principal, principal.qualified(user), KnownBy.USER, user, now)

    async def block_driver(self, offer_id: UUID, principal: Principal, now: datetime) -> Block:
        """Block whoever drives an offer that was found, without learning who it is. Raises OfferNotFound, InvalidField."""
        driver = await self._repository.find_driver(offer_id)
        if driver is None:
            raise OfferNotFound("there is no such offer")
        return await self._block(principal, driver, KnownBy.OFFER, str(offer_id), now)

    async def block_companion(self, booking_id: UUID, principal: Principal, now: datetime) -> Block:
        """Block the other person of a booking of one's own. Raises BookingNotFound."""
        other = await self._repository.find_other(booking_id, principal.user)
        if other is None:
            raise BookingNotFound("no booking of yours has this id")
        return await self._block(principal, other, KnownBy.BOOKING, str(booking_id), now)

    async def list_blocks(self, principal: Principal) -> list[Block]:
        """One's own blocks, oldest first; never those that others have made."""
        return await self._repository.list_blocks(principal.user)

    async def unblock(self, name: str, principal: Principal) -> None:
        """Take back the block of this id or user name; when there is none, nothing is done."""
        other = await self._repository.remove(principal.user, name)
        if other is not None:
            self._blocks.forget(principal.user, other)

    async def _block(self, principal: Principal, other: str, known_by: KnownBy, reference: str, now: datetime) -> Block:
        if other == principal.user:
            raise _wrong("/user", "must be somebody else")
        made = await self._repository.put(Block(self._make_id(), principal.user, other, known_by, reference, now))
        if made is None:
            raise InvalidField(f"at most {MAX_BLOCKS} people can be blocked: take one back first")
        self._blocks.forget(principal.user, other)
        return made


def _wrong(pointer: str, detail: str) -> InvalidField:
    return InvalidField(f"{pointer[1:]} {detail}", faults=[Fault(pointer, detail, InvalidField.code)])
