"""Series: publish, read, list, change and withdraw recurring trips and return trips."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from api.call.conditional import change_matching, etag, tagged, version_wanted
from api.call.endpoint import B, Call, Q
from api.call.idempotency import answer_once, created, idempotency_of, sent
from api.call.paging import next_cursor, page_response, position_of
from api.call.rendering import json_response
from api.schemas.offers import OfferOut
from api.schemas.plans.would_match import DryRunQuery, SeriesPlanOut, WouldMatchOut
from api.schemas.series import FromQuery, SeriesIn, SeriesListQuery, SeriesPatch
from api.schemas.series_out import SeriesOut, SeriesPageOut, SeriesSummaryOut
from api.schemas.service import Nothing
from matcher.domain.idempotency import Keep, StoredAnswer
from matcher.domain.polyline import encode_polyline
from matcher.domain.series import Direction, Series
from matcher.trips.series.publish import Published
from matcher.trips.series.tend import LeftAlone


async def publish_series(call: Call[DryRunQuery, SeriesIn]) -> web.Response:
    """Publish a trip that recurs on weekdays, or a single trip with its return.

    The trips of the coming weeks become offers at once and are listed in the answer; later ones are published as time
    passes. Local times stay the same across clock changes. With an Idempotency-Key a repeated call gets the first
    answer again, byte for byte. With `dry_run` nothing is written: the answer is the first trip, and which riders the
    trips would fit.
    """
    if call.query.dry_run:
        idempotency_of(call)  # it has nothing to repeat, but a wrong key is refused all the same
        _, made, first = await call.carpool.series.publish.plan(call.body.to_domain(), call.principal, call.now)
        # The way there is described, even when today's way back comes first.
        trip = next((offer for key, offer in first if key.direction is Direction.OUT), first[0][1])
        route = (await call.carpool.describe_route(trip)).points
        others = [offer for _, offer in made if offer is not trip]
        found = await call.carpool.would_match([trip, *others], route, call.now)
        return json_response(
            SeriesPlanOut(
                trip=OfferOut.with_route(
                    trip, call.principal.user, encode_polyline(route), call.carpool.cost_sharing.rate
                ),
                trips=len(made),
                would_match=WouldMatchOut.from_domain(found),
            )
        )

    async def publish(keep: Keep[Published] | None) -> Published:
        return await call.carpool.series.publish(call.body.to_domain(), call.principal, call.now, keep)

    async def render(published: Published) -> StoredAnswer:
        series, _ = published
        return created(f"/v1/series/{series.id}", SeriesOut.with_trips(*published), etag=etag(series))

    return sent(await answer_once(call, publish, render))


async def read_series(call: Call[Nothing, Nothing]) -> web.Response:
    """Read one of your series with its trips to come; operators can read any.

    The ETag is that of the series; a trip that was booked or cancelled separately has its own, on its offer.
    """
    return await _answer(call, await _read(call))


async def list_series(call: Call[SeriesListQuery, Nothing]) -> web.Response:
    """List your series, oldest first; operators see everybody's.

    Follow `next_cursor`, or the Link header with rel="next", to the next page.
    """
    query = call.query
    page = await call.carpool.series.read.list_page(call.principal, query.limit, position_of(query))
    cursor = next_cursor(page.next_cursor, query)
    answer = SeriesPageOut(series=[SeriesSummaryOut.from_domain(one) for one in page.items], next_cursor=cursor)
    return page_response(call.request, answer, cursor)


async def change_series(call: Call[FromQuery, SeriesPatch]) -> web.Response:
    """Change a series from the date `from` on, with a JSON merge patch (RFC 7396).

    Its trips follow, except those that were changed or cancelled separately. A trip whose riders were promised
    otherwise also stays as it is: it is listed in `left_alone` with its bookings, and is separate from then on.
    If-Match is the ETag that you read; `*` changes whatever version is current.
    """

    async def change(version: int) -> web.Response:
        series, left = await call.carpool.series.change.change(
            call.series_id, call.body.to_domain(), call.query.from_, version, call.principal, call.now
        )
        return await _answer(call, series, left)

    return await change_matching(call.request, "series", lambda: _read(call), change)


async def withdraw_series(call: Call[FromQuery, Nothing]) -> web.Response:
    """Withdraw a series from the date `from` on, or as a whole.

    All its trips from then on are cancelled, including those changed separately, and their riders are notified.
    Withdrawing again changes nothing.
    """
    version = await version_wanted(call.request, "series", lambda: _read(call))
    series = await call.carpool.series.change.withdraw(
        call.series_id, call.query.from_, version, call.principal, call.now
    )
    return await _answer(call, series)


async def _read(call: Call[Q, B]) -> Series:
    return await call.carpool.series.read.get(call.series_id, call.principal)


async def _answer(call: Call[Q, B], series: Series, left: Sequence[LeftAlone] = ()) -> web.Response:
    occurrences = await call.carpool.series.read.occurrences(series, call.now)
    return tagged(series, SeriesOut.with_trips(series, occurrences, left))
