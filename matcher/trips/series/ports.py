"""What the use cases of series need from the world, as Protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from matcher.domain.idempotency import IdempotencyRequest, StoredAnswer
from matcher.domain.offer import Offer
from matcher.domain.series import Occurrence, OccurrenceKey, PartOfSeries, Series

#: An offer that is to be stored, and which trip of its series it is.
Made = tuple[OccurrenceKey, Offer]


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """One keyset page, oldest first; `next_cursor` is the (created_at, id) to go on after, None at the end."""

    series: tuple[Series, ...]
    next_cursor: tuple[datetime, UUID] | None


class SeriesRepository(Protocol):
    """Series on disk, with what was made of them. A method that returns has committed; DatabaseUnavailable when it cannot say."""

    async def insert(
        self,
        series: Series,
        made: Sequence[Made],
        next_date: date | None,
        *,
        idempotency: IdempotencyRequest | None = None,
        answer: StoredAnswer | None = None,
    ) -> StoredAnswer | None:
        """Store a new series with its first occurrences and the answer under its key, all or nothing.

        Returns None when it was stored; the answer that was stored under this key before, when there is one. Raises TooManySeries,
        IdempotencyKeyReused.
        """

    async def find_answer(self, idempotency: IdempotencyRequest) -> StoredAnswer | None:
        """The answer stored under this key, or None. Raises IdempotencyKeyReused when the fingerprint differs."""

    async def get(self, series_id: UUID) -> Series:
        """Raises SeriesNotFound."""

    async def list_page(self, *, driver_id: str | None, limit: int, after: tuple[datetime, UUID] | None) -> SeriesPage:
        """Series ordered by (created_at, id); `driver_id` None means anybody's."""

    async def occurrences(self, series_id: UUID, *, departing_from: datetime | None) -> list[Occurrence]:
        """What was made of a series, by date and direction; only what leaves at or after a moment, when one is given."""

    async def parts(self, offer_ids: Sequence[UUID]) -> dict[UUID, PartOfSeries]:
        """Which of some offers were made of series, and of which."""

    async def update(self, series: Series, *, next_date: date | None) -> None:
        """Replace everything but id, driver and created_at, where the stored version is one less. Raises SeriesNotFound, StaleVersion."""

    async def make(self, series: Series, made: Sequence[Made]) -> bool:
        """Store further occurrences, all or none. False, and nothing is stored, when the series has changed meanwhile or one of them exists:
        only what the series itself had cancelled is made anew."""

    async def detach(self, offer_id: UUID) -> None:
        """Let an occurrence go its own way."""

    async def tended(self, series: Series, next_date: date | None) -> None:
        """Note that everything up to `next_date` was made, and brought in line with this version; nothing when it has changed meanwhile."""

    async def in_trouble(self, series: Series, trouble: str) -> None:
        """Note the code of the error because of which occurrences cannot be made."""

    async def claim(self, now: datetime, through: date, until: datetime, limit: int) -> list[UUID]:
        """Series of which something is to be made up to a date, or brought in line; nobody else gets them before `until`."""
