"""Blocks between users, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from matcher.people.block import MAX_BLOCKS, Block, KnownBy
from matcher.postgres.pool import Connections
from matcher.postgres.statements import Statements

if TYPE_CHECKING:
    from matcher.postgres.statements import Record

_BLOCKS = Statements("blocks")


class PostgresBlocks:
    """Implements BlockRepository."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def put(self, block: Block) -> Block | None:
        """Store a block, or return the existing equal one. None when the blocker has MAX_BLOCKS."""
        async with self._connections.connection() as connection:
            row = await _BLOCKS.row(
                connection,
                "insert_block",
                id=block.id,
                blocker=block.blocker,
                blocked=block.blocked,
                known_by=block.known_by.value,
                reference=block.reference,
                created_at=block.created_at,
                most=MAX_BLOCKS,
            )
            if row is None:
                same = {"known_by": block.known_by.value, "reference": block.reference}
                row = await _BLOCKS.row(connection, "find_block", blocker=block.blocker, **same)
        return None if row is None else _to_block(row)

    async def list_blocks(self, blocker: str) -> list[Block]:
        async with self._connections.connection() as connection:
            rows = await _BLOCKS.rows(connection, "list_blocks", blocker=blocker)
        return [_to_block(row) for row in rows]

    async def remove(self, blocker: str, name: str) -> str | None:
        """Remove the block with this id or user name; returns who was blocked, None when there is no such block."""
        async with self._connections.connection() as connection:
            row = await _BLOCKS.row(connection, "delete_block", blocker=blocker, name=name)
        return None if row is None else str(row["blocked"])

    async def hidden_from(self, user: str) -> frozenset[str]:
        async with self._connections.connection() as connection:
            rows = await _BLOCKS.rows(connection, "hidden_from", user_id=user)
        return frozenset(row["other"] for row in rows)

    async def find_driver(self, offer_id: UUID) -> str | None:
        async with self._connections.connection() as connection:
            found: str | None = await _BLOCKS.value(connection, "driver_of_offer", offer_id=offer_id)
        return found

    async def find_other(self, booking_id: UUID, user: str) -> str | None:
        async with self._connections.connection() as connection:
            found: str | None = await _BLOCKS.value(connection, "other_of_booking", booking_id=booking_id, user_id=user)
        return found


def _to_block(row: Record) -> Block:
    return Block(
        id=row["id"],
        blocker=row["blocker"],
        blocked=row["blocked"],
        known_by=KnownBy(row["known_by"]),
        reference=row["reference"],
        created_at=row["created_at"],
    )
