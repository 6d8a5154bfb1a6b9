"""Bookings: request, read, list, change."""

from __future__ import annotations

from aiohttp import web

from api.call.conditional import change_matching, etag, not_modified, tagged
from api.call.endpoint import B, Call, Q
from api.call.idempotency import answer_once, created, sent
from api.call.paging import next_cursor, page_response, position_of
from api.schemas.bookings import BookingIn, BookingListQuery, BookingOut, BookingPageOut, BookingPatch
from api.schemas.service import Nothing
from matcher.domain.booking import Actor, Booking
from matcher.domain.idempotency import Keep, StoredAnswer
from matcher.trips.booking_rules import actor_of


async def book_seats(call: Call[Nothing, BookingIn]) -> web.Response:
    """Request the seats of a match.

    Everything is checked again as it is now. The booking is WAITING_CONFIRMATION, with no seat held, until the driver
    answers; where the driver allows instant booking it is CONFIRMED at once. With an Idempotency-Key a repeated call
    gets the first answer again, byte for byte.
    """

    async def book(keep: Keep[Booking] | None) -> Booking:
        book_seats = call.carpool.bookings.book_seats
        return await book_seats(call.body.match_id, call.body.note, call.principal, call.now, keep)

    async def render(booking: Booking) -> StoredAnswer:
        answer = BookingOut.seen_by(booking, Actor.RIDER)
        return created(f"/v1/bookings/{booking.id}", answer, etag=etag(booking))

    return sent(await answer_once(call, book, render))


async def read_booking(call: Call[Nothing, Nothing]) -> web.Response:
    """Read a booking that you ride or drive; operators can read any.

    Until it is confirmed the driver sees places to about a kilometre, unless the rider walks to a meeting point, and
    neither side sees the other's name.
    """
    booking = await _read(call)
    return not_modified(call.request, booking) or _answer(call, booking)


async def list_bookings(call: Call[BookingListQuery, Nothing]) -> web.Response:
    """List the bookings that you ride or drive, newest first; operators see everybody's.

    Follow `next_cursor`, or the Link header with rel="next", to the next page.
    """
    query = call.query
    page = await call.carpool.bookings.read_bookings.list_page(
        call.principal, query.statuses_wanted, query.offer_wanted, query.limit, position_of(query)
    )
    cursor = next_cursor(page.next_cursor, query)
    seen = [BookingOut.seen_by(booking, actor_of(booking, call.principal)) for booking in page.items]
    return page_response(call.request, BookingPageOut(bookings=seen, next_cursor=cursor), cursor)


async def change_booking(call: Call[Nothing, BookingPatch]) -> web.Response:
    """Confirm, refuse, cancel, complete or validate a booking.

    If-Match is the ETag that you read; `*` changes whatever version is current. A booking that already has the
    requested status is returned as it is.
    """

    async def change(version: int) -> web.Response:
        change_booking = call.carpool.bookings.change_booking
        wanted, note = call.body.status_wanted, call.body.note
        return _answer(call, await change_booking(call.booking_id, wanted, note, version, call.principal, call.now))

    return await change_matching(call.request, "booking", lambda: _read(call), change)


async def _read(call: Call[Q, B]) -> Booking:
    return await call.carpool.bookings.read_bookings.get(call.booking_id, call.principal)


def _answer(call: Call[Q, B], booking: Booking) -> web.Response:
    return tagged(booking, BookingOut.seen_by(booking, actor_of(booking, call.principal)))
