"""Whole trips on a running service, without HTTP: publish, search, ask, answer, and what the database says of it all
afterwards.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from matcher.check.bookings import PostgresBookingLedger
from matcher.check.offer import Findings
from matcher.domain.booking import Booking
from matcher.domain.idempotency import IdempotencyRequest, Keep, StoredAnswer
from matcher.domain.match import Match, RequestDraft, TimeWindow, WindowKind
from matcher.domain.offer import Offer, OfferDraft
from matcher.domain.place import Coordinate, PlaceInput
from matcher.domain.principal import Principal, Role
from matcher.postgres.pool import Database
from matcher.wiring.service import Carpool

SOUTH, NORTH = Coordinate(lat=-29.953, lon=-71.338), Coordinate(lat=-29.905, lon=-71.25)
MIDDLE = Coordinate(lat=-29.93, lon=-71.27)
DRIVER = Principal(user="dora", role=Role.DRIVER, key_id="d")
_riders = itertools.count(1)


def utc_now() -> datetime:
    """The wall clock, by which the service's own loops go as well."""
    return datetime.now(UTC)


def a_rider() -> Principal:
    """Somebody new."""
    return Principal(user=f"rider-{next(_riders)}", role=Role.RIDER, key_id="r")


async def publish(carpool: Carpool, **changes: Any) -> Offer:
    """A trip of tomorrow with three seats."""
    now = utc_now()
    draft = OfferDraft(
        origin=PlaceInput(coordinate=SOUTH),
        destination=PlaceInput(coordinate=NORTH),
        departure=now + timedelta(days=1),
        seats=3,
    )
    return await carpool.offers.publish(replace(draft, **changes), DRIVER, now)


async def find(
    carpool: Carpool,
    offer: Offer,
    rider: Principal,
    *,
    begin: Coordinate = SOUTH,
    end: Coordinate = NORTH,
    **changes: Any,
) -> Match:
    """The match that a rider's search finds in an offer."""
    window = TimeWindow(offer.departure - timedelta(minutes=30), offer.departure + timedelta(minutes=60))
    draft = RequestDraft(
        origin=PlaceInput(coordinate=begin),
        destination=PlaceInput(coordinate=end),
        window=window,
        window_kind=WindowKind.DEPARTURE,
        limit=50,
    )
    answer = await carpool.find_matches(replace(draft, **changes), rider, utc_now())
    (match,) = [match for match in answer.matches if match.offer_id == offer.id]
    return match


def for_another(carpool: Carpool, match: Match, rider: Principal) -> str:
    """The same match as `rider` would have been shown it."""
    tokens, now = carpool.bookings.book_seats._tokens, utc_now()
    return tokens.sign(replace(tokens.read(match.match_id, now), rider_id=rider.user), now)


async def book(carpool: Carpool, match_id: str, rider: Principal, *, key: IdempotencyRequest | None = None) -> Booking:
    """Ask for the seats of a match; the answer under a key is the booking's id."""
    keep = None if key is None else Keep(key, answer_of)
    return await carpool.bookings.book_seats(match_id, "", rider, utc_now(), keep)


async def answer_of(booking: Booking) -> StoredAnswer:
    """What is kept under an idempotency key here."""
    return StoredAnswer(201, {}, str(booking.id).encode())


async def booked(carpool: Carpool, offer: Offer, rider: Principal | None = None, **changes: Any) -> Booking:
    """A booking of somebody, or of somebody new."""
    who = a_rider() if rider is None else rider
    match = await find(carpool, offer, who, **changes)
    return await book(carpool, match.match_id, who)


async def broken_promises(database: Database) -> list[str]:
    """What the check finds wrong with bookings, stops, seats and events."""
    _, found = await PostgresBookingLedger(database).check("coquimbo")
    assert isinstance(found, Findings)
    return [f"{v.promise}: {v.promised}; {v.holds}" for v in found.violations]


async def rows(url: str, sql: str, *values: object) -> Sequence[asyncpg.Record]:
    """What the database answers."""
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql, *values))
    finally:
        await connection.close()


async def told(url: str, offer_id: UUID, kind: str) -> list[tuple[str, str]]:
    """(recipient, booking) of every event of a kind about a trip."""
    found = await rows(
        url, "SELECT recipient, data ->> 'booking_id' AS b FROM events WHERE trip_id = $1 AND kind = $2", offer_id, kind
    )
    return sorted((row["recipient"], row["b"]) for row in found)
