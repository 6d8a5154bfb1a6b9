"""Bookings: ask, read, list, move."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import web

from api.call.conditional import decode_cursor, encode_cursor, etag, expected_version, is_known
from api.call.endpoint import Call
from api.call.idempotency import answer_once, created, sent
from api.call.rendering import json_response
from api.schemas.bookings import BookingIn, BookingListQuery, BookingOut, BookingPageOut, BookingPatch
from api.schemas.service import Nothing
from matcher.domain.booking import Actor, Booking
from matcher.domain.errors.tree import StaleVersion
from matcher.domain.idempotency import Keep, StoredAnswer
from matcher.trips.booking_rules import actor_of

#: How often a move of any version is tried again when the booking is moved at the same time.
_RACES = 9


async def book_seats(call: Call[Nothing, BookingIn]) -> web.Response:
    """Ask for the seats of a match.

    Everything is checked again against the present. The answer waits for the driver's word (WAITING_CONFIRMATION, without a seat held), or is
    CONFIRMED where the driver books at once. With an Idempotency-Key the call may be repeated: the first answer comes back, byte for byte.
    """

    async def book(keep: Keep[Booking] | None) -> Booking:
        book_seats = call.carpool.bookings.book_seats
        return await book_seats(call.body.match_id, call.body.note, call.principal, call.now, keep)

    async def render(booking: Booking) -> StoredAnswer:
        answer = BookingOut.seen_by(booking, Actor.RIDER)
        return created(f"/v1/bookings/{booking.id}", answer, etag=etag(booking))

    return sent(await answer_once(call, book, render))


async def read_booking(call: Call[Nothing, Nothing]) -> web.Response:
    """Read a booking on which one rides or drives, or any as an operator.

    Until it is confirmed the driver sees places to about a kilometre, unless the rider walks to a meeting point, and neither side the other's name.
    """
    booking = await call.carpool.bookings.read_bookings.get(call.booking_id, call.principal)
    if is_known(call.request, booking):
        return web.Response(status=304, headers={"ETag": etag(booking)})
    return _answer(call, booking)


async def list_bookings(call: Call[BookingListQuery, Nothing]) -> web.Response:
    """List the bookings on which one rides or drives, or everybody's as an operator, newest first.

    Pages are read one after the other with `next_cursor`, which is also the target of the Link header with rel="next".
    """
    query = call.query
    page = await call.carpool.bookings.read_bookings.list_page(
        call.principal, query.statuses_wanted, query.offer_wanted, query.limit, decode_cursor(query)
    )
    cursor = None if page.next_cursor is None else encode_cursor(page.next_cursor, query)
    seen = [BookingOut.seen_by(booking, actor_of(booking, call.principal)) for booking in page.bookings]
    next_url = call.request.rel_url.update_query(cursor=cursor) if cursor is not None else None
    headers = {} if next_url is None else {"Link": f'<{next_url}>; rel="next"'}
    return json_response(BookingPageOut(bookings=seen, next_cursor=cursor), headers=headers)


async def change_booking(call: Call[Nothing, BookingPatch]) -> web.Response:
    """Confirm, refuse, cancel, complete or validate a booking.

    If-Match quotes the ETag that was read; `*` moves whatever version is there. A booking that is in the wanted state already is answered as it is.
    """
    any_version = call.request.headers.get("If-Match", "").strip() == "*"
    for _ in range(_RACES if any_version else 0):
        with suppress(StaleVersion):  # somebody else moved it between our read and our write: theirs is the version now
            return await _change(call)
    return await _change(call)


async def _change(call: Call[Nothing, BookingPatch]) -> web.Response:
    bookings = call.carpool.bookings
    version = await expected_version(
        call,
        required=True,
        read=lambda: bookings.read_bookings.get(call.booking_id, call.principal),
        what="booking",
    )
    assert version is not None, "required"
    booking = await bookings.change_booking(
        call.booking_id, call.body.status_wanted, call.body.note, version, call.principal, call.now
    )
    return _answer(call, booking)


def _answer(call: Call[Nothing, Nothing] | Call[Nothing, BookingPatch], booking: Booking) -> web.Response:
    side = actor_of(booking, call.principal)
    return json_response(BookingOut.seen_by(booking, side), headers={"ETag": etag(booking)})
