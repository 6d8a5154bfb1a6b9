"""Statistics, for operators."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from api.call.endpoint import Call
from api.call.media_types import best_of
from api.call.rendering import JSON_TYPE, json_response
from api.handlers.stats_tables import (
    Members,
    as_json,
    demand_csv,
    demand_members,
    match_json,
    series_csv,
    supply_members,
    wanted_csv,
    wanted_members,
)
from api.schemas.plans.replays import ReplayIn, ReplayOut
from api.schemas.service import Nothing
from api.schemas.stats import DemandQuery, StatsQuery, SupplyQuery, WantedQuery

CSV_TYPE = "text/csv"
GEOJSON_TYPE = "application/geo+json"
JSON_OR_CSV = (JSON_TYPE, CSV_TYPE)
GEOJSON_OR_CSV = (GEOJSON_TYPE, CSV_TYPE)


async def match_statistics(call: Call[StatsQuery, Nothing]) -> web.Response:
    """Get match statistics of a range: totals, and a series by hour or day.

    Counts are exact: every answered search counts once, except those in `lost`. Percentiles are within 2 %. The last
    two seconds may be missing. A range by hour has at most 367 days.
    """
    query = call.query
    zone = await query.zone()
    begin, end = query.range(call.now)
    found = await call.carpool.read_statistics.matches(begin, end, query.size, zone, query.region)
    return await _response(call, JSON_OR_CSV, lambda: match_json(found, query.bucket, query.tz, zone), series_csv)


async def demand_statistics(call: Call[DemandQuery, Nothing]) -> web.Response:
    """Get unmet demand: where riders searched and found nothing, in cells of about a kilometre.

    Cells with too few such searches are merged with their neighbours, or hidden if that is not enough. A range has at
    most 92 days.
    """
    begin, end = call.query.range(call.now)
    found = await call.carpool.read_statistics.demand(begin, end, call.query.side, call.query.region)
    return await _response(call, GEOJSON_OR_CSV, lambda: as_json(demand_members(found)), demand_csv)


async def wanted_statistics(call: Call[WantedQuery, Nothing]) -> web.Response:
    """Get the hours of the day that riders want to travel at, and how many searches for them found nothing.

    An hour is where the middle of the rider's time window lies. A range has at most 92 days.
    """
    query = call.query
    zone = await query.zone()
    begin, end = query.range(call.now)
    found = await call.carpool.read_statistics.wanted(begin, end, zone, query.region)
    return await _response(call, JSON_OR_CSV, lambda: as_json(wanted_members(found, query.tz)), wanted_csv)


async def offer_statistics(call: Call[SupplyQuery, Nothing]) -> web.Response:
    """Get statistics of offers that depart in a range: status, seats, bookings, by hour or day and hour of the day."""
    query = call.query
    zone = await query.zone()
    begin, end = query.range(call.now)
    found = await call.carpool.read_statistics.offers(begin, end, query.size, zone, query.region)
    return await _response(
        call, JSON_OR_CSV, lambda: as_json(supply_members(found, query.bucket, query.tz, zone)), series_csv
    )


async def replay_search(call: Call[Nothing, ReplayIn]) -> web.Response:
    """Replay a search on the current offers, and show how it is decided.

    With a `request_id` it is the latest search under that X-Request-Id, of which only cells, the hour and counts are
    stored. Places of riders and drivers are cells; nothing is counted, and no match can be booked.
    """
    replay, body = call.carpool.replay_search, call.body
    if body.request_id is not None:
        found = await replay.logged(body.request_id, call.principal, call.now)
    else:
        assert body.search is not None, "faults() has been asked"
        found = await replay(body.search.to_domain(), call.principal, call.now)
    return json_response(ReplayOut.from_domain(found))


async def _response(
    call: Call[Any, Any],
    media_types: tuple[str, str],
    write: Callable[[], str],
    in_rows: Callable[[Members], str],
) -> web.Response:
    media_type = best_of(call.request, media_types)

    def render() -> bytes:
        # Megabytes for a year of hours: made where no other call waits for it.
        document = write()
        return (in_rows(json.loads(document)) if media_type == CSV_TYPE else document).encode()

    charset = "utf-8" if media_type == CSV_TYPE else None
    body = await asyncio.to_thread(render)
    return web.Response(body=body, content_type=media_type, charset=charset, headers={"Vary": "Accept"})
