"""Statistics, for operators."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from api.call.endpoint import Call
from api.call.media_types import best_of
from api.call.rendering import JSON_TYPE
from api.schemas.service import Nothing
from api.schemas.stats import DemandQuery, StatsQuery, SupplyQuery
from api.schemas.stats_tables import (
    Members,
    as_json,
    demand_csv,
    demand_members,
    match_json,
    series_csv,
    supply_members,
)

CSV_TYPE = "text/csv"
GEOJSON_TYPE = "application/geo+json"
JSON_OR_CSV = (JSON_TYPE, CSV_TYPE)
GEOJSON_OR_CSV = (GEOJSON_TYPE, CSV_TYPE)


async def match_statistics(call: Call[StatsQuery, Nothing]) -> web.Response:
    """How well riders are matched, and why not better: totals of a range, and a series by hour or day.

    Counts are exact: every search that was answered is counted once, but for those in `lost`. Quantiles are within 2 %. What was asked in the
    last second or two may not be counted yet. A range has at most 367 days by hour.
    """
    query = call.query
    zone = await query.zone()
    begin, end = query.range(call.now)
    found = await call.carpool.read_statistics.matches(begin, end, query.size, zone, query.region)
    return await _response(call, JSON_OR_CSV, lambda: match_json(found, query.bucket, query.tz, zone), series_csv)


async def demand_statistics(call: Call[DemandQuery, Nothing]) -> web.Response:
    """Where riders asked and found nothing, as cells of about a kilometre.

    Cells in which too few searches found nothing are merged with their neighbours, and hidden when that is not enough. A range has at most 92
    days.
    """
    begin, end = call.query.range(call.now)
    found = await call.carpool.read_statistics.demand(begin, end, call.query.side, call.query.region)
    return await _response(call, GEOJSON_OR_CSV, lambda: as_json(demand_members(found)), demand_csv)


async def offer_statistics(call: Call[SupplyQuery, Nothing]) -> web.Response:
    """Offers that depart in a range, as they are now: by status, their seats and bookings, by hour or day, and by hour of the day."""
    query = call.query
    zone = await query.zone()
    begin, end = query.range(call.now)
    found = await call.carpool.read_statistics.offers(begin, end, query.size, zone, query.region)
    return await _response(
        call, JSON_OR_CSV, lambda: as_json(supply_members(found, query.bucket, query.tz, zone)), series_csv
    )


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
