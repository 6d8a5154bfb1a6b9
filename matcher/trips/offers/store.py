"""Offers on disk, with the answers to the calls that made them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from matcher.domain.errors.tree import (
    OfferNotFound,
    OfferNotOpen,
    StaleVersion,
)
from matcher.domain.idempotency import IdempotencyRequest, KeptAnswer, StoredAnswer
from matcher.domain.offer import Offer, OfferStatus
from matcher.postgres.change_feed import announce_changes
from matcher.postgres.idempotency import find_answer, forget_answers, keep_answer
from matcher.postgres.statements import Statements
from matcher.postgres.store import KeysetPage, PostgresStore
from matcher.trips.offers.columns import OpenOffersInTransaction
from matcher.trips.offers.repository import CurrentState, OpenOffers
from matcher.trips.offers.rows import to_current_state, to_offer, to_row, to_stop_rows

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection

_OFFERS = Statements("offers")
_LOAD = Statements("load_offers")
_CHANGES = Statements("offer_changes")
#: What has piled up while nobody looked is dropped by statements that end long before the time that one may take.
AT_ONCE = 10_000
#: What follows from an offer's places and the roads.
REFIT_COLUMNS = (
    "version", "via", "doors", "duration_ms", "length_cm",
    "origin_lat", "origin_lon", "origin_label", "origin_address", "origin_edge", "origin_fraction",
    "origin_road_distance_m", "destination_lat", "destination_lon", "destination_label", "destination_address",
    "destination_edge", "destination_fraction", "destination_road_distance_m",
)  # fmt: skip


class PostgresOffers(PostgresStore):
    """An OfferRepository on PostgreSQL. What a method has returned from is committed."""

    _statements = _OFFERS

    async def insert(self, offer: Offer, kept: KeptAnswer | None = None) -> None:
        async with self._writing() as connection:
            if kept is not None:
                await keep_answer(connection, kept, offer.created_at)
            await insert_new_offer(connection, offer)

    async def find_answer(self, idempotency: IdempotencyRequest) -> StoredAnswer | None:
        async with self._connections.connection() as connection:
            return await find_answer(connection, idempotency)

    async def forget_answers(self, before: datetime, at_once: int = AT_ONCE) -> int:
        """Drop answers given before a moment, so many in a statement; returns how many."""
        return await self._in_batches(at_once, lambda connection: forget_answers(connection, before, at_once))

    async def get(self, offer_id: UUID) -> Offer:
        row = await self._row("get_offer", id=offer_id)
        if row is None:
            raise OfferNotFound("you have no offer with this id")
        return to_offer(row)

    async def list_page(
        self,
        *,
        driver_id: str | None,
        status: OfferStatus | None,
        departure_from: datetime | None,
        departure_to: datetime | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> KeysetPage[Offer]:
        after_departure, after_id = (None, None) if after is None else after
        values: dict[str, object] = {
            "status": None if status is None else status.value,
            "departure_from": departure_from,
            "departure_to": departure_to,
            "after_departure": after_departure,
            "after_id": after_id,
            "row_limit": limit + 1,  # one more tells whether there is a next page
        }
        if driver_id is None:
            rows = await self._rows("list_offers", **values)
        else:
            rows = await self._rows("list_offers_of_driver", driver_id=driver_id, **values)
        return KeysetPage.of(map(to_offer, rows), limit, lambda offer: (offer.departure, offer.id))

    async def update(self, offer: Offer, *, expected_version: int) -> None:
        async with self._writing() as connection:
            await replace_open_offer(connection, offer, expected_version=expected_version)

    async def mark_past(self, now: datetime, *, limit: int = 10_000) -> list[UUID]:
        async with self._writing() as connection:
            rows = await _OFFERS.rows(connection, "mark_past", now=now, row_limit=limit)
        return [row["id"] for row in rows]

    async def refit(self, offers: Sequence[Offer]) -> int:
        if not offers:
            return 0
        async with self._connections.transaction() as connection:
            rows = await _LOAD.rows(
                connection,
                "refit_offers",
                fingerprint=offers[0].region_fingerprint,
                offers=[_refitted(offer) for offer in offers],
            )
            done = {row["id"] for row in rows}
            stops = [
                stop | {"offer_id": str(offer.id)}
                for offer in offers
                if offer.id in done
                for stop in to_stop_rows(offer)
            ]
            if stops:
                await _LOAD.run(connection, "refit_stops", stops=stops)
        return len(done)

    async def forget_changes(self, before: datetime, at_once: int = AT_ONCE) -> int:
        """Drop notes of changes that were made before a moment, so many in a statement; returns how many."""
        return await self._in_batches(
            at_once, lambda connection: _CHANGES.value(connection, "forget_changes", before=before, row_limit=at_once)
        )

    async def get_many(self, offer_ids: Sequence[UUID]) -> list[Offer]:
        rows = await self._rows("get_offers", ids=list(offer_ids))
        return [to_offer(row) for row in rows]

    @asynccontextmanager
    async def open_offers(self, region: str, fingerprint: str) -> AsyncIterator[OpenOffers]:
        async with self._connections.snapshot() as connection:
            yield await OpenOffersInTransaction.begin(connection, region, fingerprint)

    async def current(self, offer_ids: Sequence[UUID]) -> dict[UUID, CurrentState]:
        rows = await self._rows("current_offers", ids=list(offer_ids))
        return {row["id"]: to_current_state(row) for row in rows}

    async def _in_batches(self, at_once: int, drop: Callable[[Connection], Awaitable[int]]) -> int:
        """Call `drop`, which drops at most `at_once` rows and says how many, until there are fewer.

        Returns how many in all.
        """
        forgotten, dropped = 0, at_once
        while dropped == at_once:
            async with self._connections.connection() as connection:
                dropped = await drop(connection)
            forgotten += dropped
        return forgotten

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        """A transaction after which other instances are woken."""
        async with self._connections.connection() as connection:
            async with connection.transaction():
                yield connection
            await announce_changes(connection)


def _refitted(offer: Offer) -> dict[str, object]:
    row = to_row(offer)
    return {column: row[column] for column in REFIT_COLUMNS} | {"id": str(offer.id)}


async def insert_new_offer(connection: Connection, offer: Offer) -> None:
    """Store a new offer in the caller's transaction."""
    await _OFFERS.run(connection, "insert_offer", **to_row(offer))
    await _insert_stops(connection, offer)


async def replace_open_offer(connection: Connection, offer: Offer, *, expected_version: int) -> None:
    """`PostgresOffers.update` in the caller's transaction."""
    if offer.version != expected_version + 1:
        raise ValueError("a changed offer has the version after the expected one")
    values = _OFFERS.taken("update_open_offer", to_row(offer) | {"expected_version": expected_version})
    written = await _OFFERS.row(connection, "update_open_offer", **values)
    if written is not None:
        if written["has_stops"]:
            await _OFFERS.run(connection, "delete_stops", offer_id=offer.id)
        await _insert_stops(connection, offer)
        return
    rows = await _OFFERS.rows(connection, "current_offers", ids=[offer.id])
    if not rows:
        raise OfferNotFound("you have no offer with this id")
    if rows[0]["version"] != expected_version:
        raise StaleVersion(f"the offer is at version {rows[0]['version']}, not {expected_version}: read it again")
    raise OfferNotOpen(f"the offer is {rows[0]['status']}")


async def _insert_stops(connection: Connection, offer: Offer) -> None:
    if offer.booked_stops:
        await _OFFERS.run(connection, "insert_stops", offer_id=offer.id, stops=to_stop_rows(offer))
