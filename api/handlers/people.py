"""The caller: profile, blocks, export of personal data, erasure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from aiohttp import web
from pydantic_core import to_json

from api.app_keys import BROWSERS, METRICS, REQUEST_ID
from api.call.conditional import not_modified, stale, tagged, version_wanted
from api.call.endpoint import Call
from api.call.middlewares import harden
from api.call.rendering import JSON_TYPE, json_response
from api.schemas.people import BlockIn, BlockOut, BlocksOut, ProfileOut, ProfilePatch
from api.schemas.service import Nothing
from matcher.domain.errors.tree import ExportRunning
from matcher.domain.principal import Principal
from matcher.operation.telemetry import SHED
from matcher.people.profile import Profile
from matcher.privacy.personal_data import as_json

#: An export works for so long at a time, and then pauses.
_SLICE_S = 0.005


async def read_profile(call: Call[Nothing, Nothing]) -> web.Response:
    """Read your profile: your user name, and what you share."""
    profile = await call.carpool.people.share_gender.profile(call.principal)
    return not_modified(call.request, profile) or _shown(profile, call.principal)


async def change_profile(call: Call[Nothing, ProfilePatch]) -> web.Response:
    """Share your gender with the service, or stop sharing it, with a JSON merge patch (RFC 7396).

    `women_only` trips and searches require it: both sides share it, and it is shown to nobody. Open trips follow at
    once. It cannot be withdrawn while you have open trips for women only: the 409 lists them. If-Match is optional;
    with it the profile changes only if it is as you read it.
    """
    share = call.carpool.people.share_gender

    async def read() -> Profile:
        return await share.profile(call.principal)

    version = await version_wanted(call.request, "profile", read)
    if call.body.changes_gender:
        return _shown(await share(call.body.share_gender == "woman", call.principal, call.now, version), call.principal)
    profile = await read()
    if version is not None and version != profile.version:
        raise stale("profile", profile.version)
    return _shown(profile, call.principal)


async def list_blocks(call: Call[Nothing, Nothing]) -> web.Response:
    """List the people you have blocked. Nobody learns who has blocked them."""
    blocks = await call.carpool.people.manage_blocks.list_blocks(call.principal)
    return json_response(BlocksOut(blocks=[BlockOut.from_domain(block) for block in blocks]))


async def block_user(call: Call[Nothing, Nothing]) -> web.Response:
    """Block a user by name. The two of you are no longer matched, and nobody is notified.

    Bookings that wait for an answer are cancelled, as if you had withdrawn or refused them; confirmed ones stay until
    somebody cancels them. Blocking again changes nothing.
    """
    user = call.request.match_info["user"]
    block = await call.carpool.people.manage_blocks.block_user(user, call.principal, call.now)
    return json_response(BlockOut.from_domain(block))


async def block_unnamed(call: Call[Nothing, BlockIn]) -> web.Response:
    """Block the driver of a matched offer, or the other person of a booking, without learning who it is.

    Blocking the same person again changes nothing and gives the same answer.
    """
    manage, body = call.carpool.people.manage_blocks, call.body
    if body.offer_id is not None:
        block = await manage.block_driver(body.offer_id, call.principal, call.now)
    else:
        assert body.booking_id is not None, "checked by faults()"
        block = await manage.block_companion(body.booking_id, call.principal, call.now)
    return json_response(BlockOut.from_domain(block), status=201)


async def unblock(call: Call[Nothing, Nothing]) -> web.Response:
    """Remove a block, by its id or by the blocked user name. Without such a block nothing happens."""
    await call.carpool.people.manage_blocks.unblock(call.request.match_info["user"], call.principal)
    return web.Response(status=204)


async def export_me(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Download all data that the service holds about you, as one JSON object with a list for each kind of data.

    It is one consistent snapshot. Bookings contain what you may see of them, and never who the other person is. One
    export of yours runs at a time.
    """
    if call.request.method == "HEAD":
        return web.Response(content_type=JSON_TYPE)
    headers = {"Content-Disposition": 'attachment; filename="carpool-export.json"'}
    response = web.StreamResponse(headers=headers)
    response.content_type = JSON_TYPE
    # The middlewares add their headers to a finished answer, which is too late for one that has begun.
    harden(response, call.request[REQUEST_ID])
    call.request.app[BROWSERS].mark(call.request, response)
    pieces = as_json(call.principal.user, call.now, call.carpool.people.export_me(call.principal.user), to_json)
    async with aclosing(pieces):
        first = await anext(pieces)
        try:
            second = await anext(pieces)  # with the first row from the database: until here an error is an answer
        except ExportRunning:
            call.request.app[METRICS].add(SHED, "export")
            raise
        await response.prepare(call.request)
        await _write_at_leisure(response, first + second, pieces)
    await response.write_eof()
    return response


async def erase_me(call: Call[Nothing, Nothing]) -> web.Response:
    """Erase your data: trips, bookings, events, webhooks, keys, blocks, and everything else that names you.

    Open trips and bookings are cancelled first, and the other people are notified. Records that also belong to another
    person stay under a random name, without exact places and texts; blocks against you stay. The key of this call is
    deleted as well. Erasing again changes nothing.
    """
    carpool = call.carpool
    change_booking = carpool.bookings.change_booking
    await carpool.people.erase_me(
        call.principal, call.now, cancel_offer=carpool.offers.cancel, change_booking=change_booking
    )
    return web.Response(status=204)


async def _write_at_leisure(response: web.StreamResponse, first: bytes, pieces: AsyncIterator[bytes]) -> None:
    """Write all, and after each slice of work leave the event loop to others for as long as it took."""
    loop, ready = asyncio.get_running_loop(), bytearray(first)
    begun_s = loop.time()
    async for piece in pieces:
        ready += piece
        took_s = loop.time() - begun_s
        if took_s > _SLICE_S:
            await response.write(bytes(ready))
            ready.clear()
            await asyncio.sleep(took_s)
            begun_s = loop.time()
    await response.write(bytes(ready))


def _shown(profile: Profile, caller: Principal) -> web.Response:
    roles = sorted({caller.role, *caller.others})
    shared = ProfileOut(user=profile.user, roles=roles, share_gender="woman" if profile.is_woman else None)
    return tagged(profile, shared)
