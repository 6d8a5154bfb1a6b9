"""Series on disk, with the occurrences that were made of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from matcher.domain.errors.series import SeriesNotFound, TooManySeries
from matcher.domain.errors.tree import StaleVersion
from matcher.domain.idempotency import KeptAnswer
from matcher.domain.series import Direction, Occurrence, OccurrenceKey, PartOfSeries, Series
from matcher.postgres.change_feed import announce_changes
from matcher.postgres.idempotency import keep_answer
from matcher.postgres.pool import Connections
from matcher.postgres.statements import Statements
from matcher.postgres.store import KeysetPage, PostgresStore
from matcher.trips.offers.store import insert_new_offer
from matcher.trips.series.occurrences import Made
from matcher.trips.series.rows import to_occurrence, to_phase_rows, to_series

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection

_SERIES = Statements("series")
#: Open series of one driver.
MAX_SERIES = 100


class PostgresSeries(PostgresStore):
    """Series on disk, with what was made of them; `region` is the one whose series are claimed.

    A method that returns has committed; DatabaseUnavailable: it may have.
    """

    _statements = _SERIES

    def __init__(self, connections: Connections, region: str) -> None:
        super().__init__(connections)
        self._region = region

    async def insert(
        self, series: Series, made: Sequence[Made], next_date: date | None, kept: KeptAnswer | None = None
    ) -> None:
        """Store a new series with its first occurrences and the answer to the call, all or nothing.

        Raises AnsweredBefore, IdempotencyKeyReused, TooManySeries.
        """
        async with self._connections.connection() as connection:
            async with connection.transaction():
                if kept is not None:
                    await keep_answer(connection, kept, series.created_at)
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

    async def get(self, series_id: UUID) -> Series:
        """Raises SeriesNotFound."""
        row = await self._row("get_series", id=series_id)
        if row is None:
            raise SeriesNotFound("you have no series with this id")
        return to_series(row)

    async def list_page(
        self, *, driver_id: str | None, limit: int, after: tuple[datetime, UUID] | None
    ) -> KeysetPage[Series]:
        """At most `limit` series ordered by (created_at, id), after the one given."""
        after_at, after_id = (None, None) if after is None else after
        values: dict[str, object] = {"after_at": after_at, "after_id": after_id, "row_limit": limit + 1}
        if driver_id is None:
            rows = await self._rows("list_series", **values)
        else:
            rows = await self._rows("list_series_of_driver", driver_id=driver_id, **values)
        return KeysetPage.of(map(to_series, rows), limit, lambda series: (series.created_at, series.id))

    async def occurrences(self, series_id: UUID, *, departing_from: datetime | None) -> list[Occurrence]:
        """What was made of a series, by date, the way there first.

        Only what leaves from a moment on, when one is given.
        """
        rows = await self._rows("list_occurrences", series_id=series_id, departing_from=departing_from)
        return [to_occurrence(row) for row in rows]

    async def parts(self, offer_ids: Sequence[UUID]) -> dict[UUID, PartOfSeries]:
        """Which of some offers were made of series, and of which."""
        rows = await self._rows("parts_of_series", offer_ids=list(offer_ids))
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
                    raise SeriesNotFound("you have no series with this id")
                raise StaleVersion(f"the series is at version {row['version']} now: read it again before changing it")
            await _SERIES.run(connection, "delete_phases", series_id=series.id)
            await _SERIES.run(connection, "insert_phases", series_id=series.id, phases=to_phase_rows(series))

    async def make(self, series: Series, made: Sequence[Made]) -> None:
        """Store further occurrences, all or none: only what the series itself had cancelled is made anew.

        Raises StaleVersion when the series has changed meanwhile or one of them exists.
        """
        async with self._connections.connection() as connection:
            async with connection.transaction():
                if await _SERIES.row(connection, "hold_series", id=series.id, version=series.version) is None:
                    raise StaleVersion("the series has changed meanwhile: read it again")
                await _insert_made(connection, series, made)
            await announce_changes(connection)

    async def detach(self, offer_id: UUID) -> None:
        await self._run("detach_occurrence", offer_id=offer_id)

    async def tended(self, series: Series, next_date: date | None) -> None:
        """Note that everything up to `next_date` was made and follows this version; nothing when it has changed."""
        await self._run("tended_series", id=series.id, version=series.version, next_date=next_date)

    async def in_trouble(self, series: Series, trouble: str) -> None:
        """Note the code of the error because of which occurrences cannot be made."""
        await self._run("trouble_series", id=series.id, version=series.version, trouble=trouble)

    async def claim(self, now: datetime, through: date, until: datetime, limit: int) -> list[UUID]:
        """Series that need something, for this process alone until a moment; at most `limit`."""
        rows = await self._rows(
            "claim_series", region=self._region, now=now, through=through, until=until, row_limit=limit
        )
        return [row["id"] for row in rows]


async def note_in_series(connection: Connection, offer_id: UUID, version: int) -> None:
    """Note, in the transaction that changes an offer, which version of its series it follows; 0: none any more."""
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
            raise StaleVersion("an occurrence was made meanwhile: read the series again")


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
