"""Series on disk, with the occurrences that were made of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from matcher.domain.errors.series import SeriesNotFound, TooManySeries
from matcher.domain.errors.tree import StaleVersion
from matcher.domain.idempotency import IdempotencyRequest, StoredAnswer
from matcher.domain.series import Direction, Occurrence, OccurrenceKey, PartOfSeries, Series
from matcher.postgres.change_feed import announce_changes
from matcher.postgres.idempotency import answer_once, find_answer
from matcher.postgres.pool import Connections
from matcher.postgres.statements import Statements
from matcher.trips.offers.store import insert_new_offer
from matcher.trips.series.ports import Made, SeriesPage
from matcher.trips.series.rows import to_occurrence, to_phase_rows, to_series

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection

_SERIES = Statements("series")
#: Open series of one driver.
MAX_SERIES = 100


class _Exists(Exception):
    """An occurrence was made by somebody else."""


class PostgresSeries:
    """The SeriesRepository of `matcher.trips.series.ports` on PostgreSQL. `region` is the one whose series are claimed."""

    def __init__(self, connections: Connections, region: str) -> None:
        self._connections = connections
        self._region = region

    async def insert(
        self,
        series: Series,
        made: Sequence[Made],
        next_date: date | None,
        *,
        idempotency: IdempotencyRequest | None = None,
        answer: StoredAnswer | None = None,
    ) -> StoredAnswer | None:
        """Store a new series with its first occurrences and the answer under its key; see the port."""
        if (idempotency is None) != (answer is None):
            raise TypeError("idempotency and answer go together")
        async with self._connections.connection() as connection:
            async with connection.transaction():
                if idempotency is not None and answer is not None:
                    earlier = await answer_once(connection, idempotency, answer, series.created_at)
                    if earlier is not None:
                        return earlier
                await _SERIES.value(connection, "lock_driver", driver_id=series.driver_id)
                written = await _SERIES.run(
                    connection,
                    "insert_series",
                    **_changing(series, next_date),
                    driver_id=series.driver_id,
                    region=series.region,
                    time_zone=series.zone_name,
                    created_at=series.created_at,
                    most=MAX_SERIES,
                )
                if not written:
                    raise TooManySeries(f"a driver may have {MAX_SERIES} open series: withdraw one first")
                await _SERIES.run(connection, "insert_phases", series_id=series.id, phases=to_phase_rows(series))
                await _insert_made(connection, series, made)
            await announce_changes(connection)
        return None

    async def find_answer(self, idempotency: IdempotencyRequest) -> StoredAnswer | None:
        """The answer kept under this key, or None. Raises IdempotencyKeyReused when the key was used for another call."""
        async with self._connections.connection() as connection:
            return await find_answer(connection, idempotency)

    async def get(self, series_id: UUID) -> Series:
        """Raises SeriesNotFound."""
        async with self._connections.connection() as connection:
            row = await _SERIES.row(connection, "get_series", id=series_id)
        if row is None:
            raise SeriesNotFound("no series of yours has this id")
        return to_series(row)

    async def list_page(self, *, driver_id: str | None, limit: int, after: tuple[datetime, UUID] | None) -> SeriesPage:
        """At most `limit` series ordered by (created_at, id), after the one given."""
        after_at, after_id = (None, None) if after is None else after
        values: dict[str, object] = {"after_at": after_at, "after_id": after_id, "row_limit": limit + 1}
        async with self._connections.connection() as connection:
            if driver_id is None:
                rows = await _SERIES.rows(connection, "list_series", **values)
            else:
                rows = await _SERIES.rows(connection, "list_series_of_driver", driver_id=driver_id, **values)
        found = tuple(to_series(row) for row in rows[:limit])
        more = len(rows) > limit
        return SeriesPage(found, (found[-1].created_at, found[-1].id) if more else None)

    async def occurrences(self, series_id: UUID, *, departing_from: datetime | None) -> list[Occurrence]:
        """What was made of a series, by date, the way there first."""
        async with self._connections.connection() as connection:
            rows = await _SERIES.rows(
                connection, "list_occurrences", series_id=series_id, departing_from=departing_from
            )
        return [to_occurrence(row) for row in rows]

    async def parts(self, offer_ids: Sequence[UUID]) -> dict[UUID, PartOfSeries]:
        """Which of some offers were made of series, and of which."""
        async with self._connections.connection() as connection:
            rows = await _SERIES.rows(connection, "parts_of_series", offer_ids=list(offer_ids))
        return {
            row["offer_id"]: PartOfSeries(
                row["series_id"], OccurrenceKey(row["series_date"], Direction(row["direction"])), row["detached"]
            )
            for row in rows
        }

    async def update(self, series: Series, *, next_date: date | None) -> None:
        """Replace what may change of a series whose stored version is one less. Raises SeriesNotFound, StaleVersion."""
        async with self._connections.transaction() as connection:
            if await _SERIES.row(connection, "update_series", **_changing(series, next_date)) is None:
                row = await _SERIES.row(connection, "get_series", id=series.id)
                if row is None:
                    raise SeriesNotFound("no series of yours has this id")
                raise StaleVersion(f"the series is at version {row['version']} now: read it again before changing it")
            await _SERIES.run(connection, "delete_phases", series_id=series.id)
            await _SERIES.run(connection, "insert_phases", series_id=series.id, phases=to_phase_rows(series))

    async def make(self, series: Series, made: Sequence[Made]) -> bool:
        """Store further occurrences, all or none; see the port."""
        try:
            async with self._connections.connection() as connection:
                async with connection.transaction():
                    held = await _SERIES.row(connection, "hold_series", id=series.id, version=series.version)
                    if held is None:
                        return False
                    await _insert_made(connection, series, made)
                await announce_changes(connection)
        except _Exists:
            return False
        return True

    async def detach(self, offer_id: UUID) -> None:
        """Let an occurrence go its own way."""
        async with self._connections.connection() as connection:
            await _SERIES.run(connection, "detach_occurrence", offer_id=offer_id)

    async def tended(self, series: Series, next_date: date | None) -> None:
        """Note that everything up to `next_date` was made, and brought in line with this version."""
        async with self._connections.connection() as connection:
            await _SERIES.run(connection, "tended_series", id=series.id, version=series.version, next_date=next_date)

    async def in_trouble(self, series: Series, trouble: str) -> None:
        """Note the code of the error because of which occurrences cannot be made."""
        async with self._connections.connection() as connection:
            await _SERIES.run(connection, "trouble_series", id=series.id, version=series.version, trouble=trouble)

    async def claim(self, now: datetime, through: date, until: datetime, limit: int) -> list[UUID]:
        """Series that need something, for this process alone until a moment; at most `limit`."""
        async with self._connections.connection() as connection:
            rows = await _SERIES.rows(
                connection,
                "claim_series",
                region=self._region,
                now=now,
                through=through,
                until=until,
                row_limit=limit,
            )
        return [row["id"] for row in rows]


async def note_in_series(connection: Connection, offer_id: UUID, version: int) -> None:
    """In the transaction that changes an offer: that it follows a version of its series, or with 0 that it goes its own way.
    Nothing for an offer that is of no series."""
    if version == 0:
        await _SERIES.run(connection, "detach_occurrence", offer_id=offer_id)
    else:
        await _SERIES.run(connection, "follow_series", offer_id=offer_id, series_version=version)


async def _insert_made(connection: Connection, series: Series, made: Sequence[Made]) -> None:
    for key, offer in made:
        await insert_new_offer(connection, offer)
        noted = await _SERIES.row(
            connection,
            "insert_occurrence",
            series_id=series.id,
            series_date=key.day,
            direction=key.direction.value,
            offer_id=offer.id,
            series_version=series.version,
        )
        if noted is None:
            raise _Exists


def _changing(series: Series, next_date: date | None) -> dict[str, object]:
    return {
        "id": series.id,
        "status": series.status.value,
        "version": series.version,
        "exceptions": sorted(series.exceptions),
        "ends_before": series.ends_before,
        "next_date": next_date,
        "updated_at": series.updated_at,
    }
