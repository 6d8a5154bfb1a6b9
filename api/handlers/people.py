"""The caller's own person: what is shared, who is blocked, what is held, and how it is erased."""

from __future__ import annotations

from contextlib import aclosing

from aiohttp import web
from pydantic_core import to_json

from api.app_keys import BROWSERS, REQUEST_ID
from api.call.conditional import etag, expected_version, is_known
from api.call.endpoint import Call
from api.call.middlewares import harden
from api.call.rendering import JSON_TYPE, json_response
from api.schemas.people import BlockIn, BlockOut, BlocksOut, ProfileOut, ProfilePatch
from api.schemas.service import Nothing
from matcher.domain.errors.tree import StaleVersion
from matcher.people.profile import Profile
from matcher.privacy.personal_data import as_json


async def read_profile(call: Call[Nothing, Nothing]) -> web.Response:
    """Read who one is here, and what one shares."""
    profile = await call.carpool.people.share_gender.profile(call.principal)
    if is_known(call.request, profile):
        return web.Response(status=304, headers={"ETag": etag(profile)})
    return _shown(profile)


async def change_profile(call: Call[Nothing, ProfilePatch]) -> web.Response:
    """Share being a woman with the service, or take it back, with a JSON merge patch (RFC 7396).

    It is what the wish `women_only` of trips and searches stands on: both sides share it, and nobody is shown it. Open trips follow at once.
    It cannot be taken back while open trips are for women only: a 409 lists them. The patch says all that there is to say, so If-Match may be left out;
    with it nothing is changed that is not as it was read.
    """
    share = call.carpool.people.share_gender

    async def read() -> Profile:
        return await share.profile(call.principal)

    version = await expected_version(call, required=False, read=read, what="profile")
    if call.body.changes_gender:
        return _shown(await share(call.body.share_gender == "woman", call.principal, call.now, version))
    profile = await read()
    if version is not None and version != profile.version:
        raise StaleVersion(f"the profile is at version {profile.version} now: read it again before changing it")
    return _shown(profile)


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


async def export_me(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Download everything that the service holds on oneself, as one JSON object with a list for each kind of thing.

    It is all as it was at one moment. Of bookings it shows what the caller may see of them, and never who the other person is.
    """
    if call.request.method == "HEAD":
        return web.Response(content_type=JSON_TYPE)
    headers = {"Content-Disposition": 'attachment; filename="carpool-export.json"'}
    response = web.StreamResponse(headers=headers)
    response.content_type = JSON_TYPE
    # What the middlewares add to an answer comes too late for one that has begun.
    harden(response, call.request[REQUEST_ID])
    call.request.app[BROWSERS].mark(call.request, response)
    pieces = as_json(call.principal.user, call.now, call.carpool.people.export_me(call.principal.user), to_json)
    async with aclosing(pieces):
        first = await anext(pieces)
        second = await anext(pieces)  # with the first thing from the database: until here an error is still an answer
        await response.prepare(call.request)
        await response.write(first + second)
        async for piece in pieces:
            await response.write(piece)
    await response.write_eof()
    return response


async def erase_me(call: Call[Nothing, Nothing]) -> web.Response:
    """Erase oneself: trips, bookings, events, webhooks, keys, blocks, and whatever else names the caller.

    Open trips and bookings are cancelled first, and the others are told. What is another person's record as well stays under a random name, without
    exact places and words; whoever has blocked the caller keeps that. The key of this very call is gone afterwards. Erasing again changes nothing.
    """
    carpool = call.carpool
    change_booking = carpool.bookings.change_booking
    await carpool.people.erase_me(
        call.principal, call.now, cancel_offer=carpool.cancel_offer, change_booking=change_booking
    )
    return web.Response(status=204)


def _shown(profile: Profile) -> web.Response:
    shared = ProfileOut(user=profile.user, share_gender="woman" if profile.is_woman else None)
    return json_response(shared, headers={"ETag": etag(profile)})
