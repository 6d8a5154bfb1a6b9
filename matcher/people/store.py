"""What users share of themselves, in PostgreSQL, and in their offers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from matcher.domain.errors.tree import SharingInUse, StaleVersion
from matcher.postgres.change_feed import announce_changes
from matcher.postgres.statements import Statements
from matcher.postgres.store import PostgresStore

_PEOPLE = Statements("people")
_WOMAN = "woman"


class PostgresPeople(PostgresStore):
    """What users share of themselves. Implements `Sharing`."""

    _statements = _PEOPLE

    async def is_woman(self, user: str) -> bool:
        return bool(await self._value("find_shared", user_id=user) == _WOMAN)

    async def share(self, user: str, *, woman: bool, now: datetime, expected: bool | None = None) -> list[UUID]:
        """Store what the user shares, here and in all their OPEN offers; the ids of the offers changed.

        Raises StaleVersion when they do not share what was `expected`, SharingInUse.
        """
        async with self._connections.connection() as connection:
            async with connection.transaction():
                await _PEOPLE.value(connection, "hold_person", user_id=user)
                present = await _PEOPLE.value(connection, "find_shared", user_id=user) == _WOMAN
                if expected is not None and present is not expected:
                    raise StaleVersion("your profile has changed: read it again before changing it")
                if woman:
                    await _PEOPLE.run(connection, "share", user_id=user, shares=_WOMAN, now=now)
                else:
                    await _PEOPLE.run(connection, "share_nothing", user_id=user)
                    held = await _PEOPLE.rows(connection, "open_women_only_offers", user_id=user)
                    if held:
                        raise SharingInUse(
                            "you have open trips for women only: cancel them, or open them to everybody, first",
                            extra={"offers": [str(row["id"]) for row in held]},
                        )
                rows = await _PEOPLE.rows(connection, "mark_offers", user_id=user, driver_is_woman=woman, now=now)
            if rows:
                await announce_changes(connection)
        return [row["id"] for row in rows]
