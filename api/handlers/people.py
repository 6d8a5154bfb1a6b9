"""The caller's own person: what is shared, who is blocked."""

from __future__ import annotations

from aiohttp import web

from api.endpoint import Call
from api.rendering import json_response
from api.schemas.people import BlockIn, BlockOut, BlocksOut, ProfileOut, ProfilePatch
from api.schemas.service import Nothing


async def read_profile(call: Call[Nothing, Nothing]) -> web.Response:
    """Read who one is here, and what one shares."""
    return await _profile(call)


async def change_profile(call: Call[Nothing, ProfilePatch]) -> web.Response:
    """Share being a woman with the service, or take it back, with a JSON merge patch (RFC 7396).

    It is what the wish `women_only` of trips and searches stands on: both sides share it, and nobody is shown it. Open trips follow at once.
    It cannot be taken back while open trips are for women only: a 409 lists them.
    """
    if call.body.changes_gender:
        await call.carpool.people.share_gender(call.body.share_gender == "woman", call.principal, call.now)
    return await _profile(call)


async def list_blocks(call: Call[Nothing, Nothing]) -> web.Response:
    """List whom one has blocked. Who has blocked the caller is told to nobody."""
    blocks = await call.carpool.people.manage_blocks.list_blocks(call.principal)
    return json_response(BlocksOut(blocks=[BlockOut.from_domain(block) for block in blocks]))


async def block_user(call: Call[Nothing, Nothing]) -> web.Response:
    """Block somebody by name. Neither of the two is matched with the other from now on, and nobody is told.

    Bookings that are there stay until somebody cancels them. Blocking again changes nothing.
    """
    user = call.request.match_info["user"]
    block = await call.carpool.people.manage_blocks.block_user(user, call.principal, call.now)
    return json_response(BlockOut.from_domain(block))


async def block_unnamed(call: Call[Nothing, BlockIn]) -> web.Response:
    """Block the driver of an offer that was found, or the other person of a booking, without learning who it is.

    Blocking the same again changes nothing and gives the same answer.
    """
    manage, body = call.carpool.people.manage_blocks, call.body
    if body.offer_id is not None:
        block = await manage.block_driver(body.offer_id, call.principal, call.now)
    else:
        assert body.booking_id is not None, "faults() has been asked"
        block = await manage.block_companion(body.booking_id, call.principal, call.now)
    return json_response(BlockOut.from_domain(block), status=201)


async def unblock(call: Call[Nothing, Nothing]) -> web.Response:
    """Take back a block, by its id or by the name that was blocked. When there is none, nothing is done."""
    await call.carpool.people.manage_blocks.unblock(call.request.match_info["user"], call.principal)
    return web.Response(status=204)


async def _profile(call: Call[Nothing, Nothing] | Call[Nothing, ProfilePatch]) -> web.Response:
    shared = await call.carpool.people.share_gender.is_woman(call.principal)
    return json_response(ProfileOut(user=call.principal.user, share_gender="woman" if shared else None))
