"""Blocks between users, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from matcher.people.block import MAX_BLOCKS, Block, KnownBy
from matcher.postgres.statements import Statements
from matcher.postgres.store import PostgresStore, by_column, from_row

if TYPE_CHECKING:
    from matcher.postgres.statements import Record


class PostgresBlocks(PostgresStore):
    """Implements BlockRepository."""

    _statements = Statements("blocks")

    async def put(self, block: Block) -> Block | None:
        row = await self._row("insert_block", **by_column(block), most=MAX_BLOCKS)
        if row is None:
            same = {"known_by": block.known_by.value, "reference": block.reference}
            row = await self._row("find_block", blocker=block.blocker, **same)
        return None if row is None else _to_block(row)

    async def list_blocks(self, blocker: str) -> list[Block]:
        rows = await self._rows("list_blocks", blocker=blocker)
        return [_to_block(row) for row in rows]

    async def remove(self, blocker: str, name: str) -> str | None:
        row = await self._row("delete_block", blocker=blocker, name=name)
        return None if row is None else str(row["blocked"])

    async def hidden_from(self, user: str) -> frozenset[str]:
        rows = await self._rows("hidden_from", user_id=user)
        return frozenset(row["other"] for row in rows)

    async def find_driver(self, offer_id: UUID) -> str | None:
        found: str | None = await self._value("driver_of_offer", offer_id=offer_id)
        return found

    async def find_other(self, booking_id: UUID, user: str) -> str | None:
        found: str | None = await self._value("other_of_booking", booking_id=booking_id, user_id=user)
        return found


def _to_block(row: Record) -> Block:
    return from_row(Block, row, known_by=KnownBy(row["known_by"]))
