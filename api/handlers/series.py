"""Series: publish, read, list, change and withdraw trips that are made again and again, or there and back."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from api.call.conditional import decode_cursor, encode_cursor, etag, expected_version
from api.call.endpoint import B, Call, Q
from api.call.idempotency import answer_once, created, sent
from api.call.rendering import json_response
from api.schemas.series import FromQuery, SeriesIn, SeriesListQuery, SeriesPatch
from api.schemas.series_out import SeriesOut, SeriesPageOut, SeriesSummaryOut
from api.schemas.service import Nothing
from matcher.domain.idempotency import Keep, StoredAnswer
from matcher.domain.series import Series
from matcher.trips.series.publish import Published
from matcher.trips.series.tend import LeftAlone


async def publish_series(call: Call[Nothing, SeriesIn]) -> web.Response:
    """Publish trips that are made on days of the week, or one with its way back.

    The trips of the weeks ahead are offers from then on, and named in the answer; later ones are made as time goes by. Local times stay what they
    are when the clocks change. With an Idempotency-Key the call may be repeated: the first answer comes back, byte for byte.
    """

    async def publish(keep: Keep[Published] | None) -> Published:
        return await call.carpool.series.publish(call.body.to_domain(), call.principal, call.now, keep)

    async def render(published: Published) -> StoredAnswer:
        series, _ = published
        return created(f"/v1/series/{series.id}", SeriesOut.with_trips(*published), etag=etag(series))

    return sent(await answer_once(call, publish, render))


async def read_series(call: Call[Nothing, Nothing]) -> web.Response:
    """Read one of one's own series, or any as an operator, with its trips that have not left.

    The ETag is that of the series: of a trip that was booked or cancelled by itself its own offer tells.
    """
    return await _answer(call, await call.carpool.series.read.get(call.series_id, call.principal))


async def list_series(call: Call[SeriesListQuery, Nothing]) -> web.Response:
    """List one's own series, or everybody's as an operator, oldest first.

    Pages are read one after the other with `next_cursor`, which is also the target of the Link header with rel="next".
    """
    query = call.query
    page = await call.carpool.series.read.list_page(call.principal, query.limit, decode_cursor(query))
    cursor = None if page.next_cursor is None else encode_cursor(page.next_cursor, query)
    next_url = call.request.rel_url.update_query(cursor=cursor) if cursor is not None else None
    answer = SeriesPageOut(series=[SeriesSummaryOut.from_domain(one) for one in page.series], next_cursor=cursor)
    return json_response(answer, headers={} if next_url is None else {"Link": f'<{next_url}>; rel="next"'})


async def change_series(call: Call[FromQuery, SeriesPatch]) -> web.Response:
    """Change a series on the date `from` and all following, with a JSON merge patch (RFC 7396).

    Its trips follow. One that was changed or cancelled by itself stays as it is. One whose riders were promised otherwise stays as it is as well: it is named under
    `left_alone`, with the bookings, and goes its own way from then on. If-Match quotes the ETag that was read; `*` changes whatever version is there.
    """
    version = await _expected(call, required=True)
    assert version is not None, "required"
    series, left = await call.carpool.series.change.change(
        call.series_id, call.body.to_domain(), call.query.from_, version, call.principal, call.now
    )
    return await _answer(call, series, left)


async def withdraw_series(call: Call[FromQuery, Nothing]) -> web.Response:
    """Withdraw a series on the date `from` and all following, or as a whole.

    All its trips from then on are cancelled, also those that were changed by themselves, and their riders are told. Withdrawing again changes nothing.
    """
    version = await _expected(call, required=False)
    series = await call.carpool.series.change.withdraw(
        call.series_id, call.query.from_, version, call.principal, call.now
    )
    return await _answer(call, series)


async def _expected(call: Call[Q, B], *, required: bool) -> int | None:
    read = call.carpool.series.read
    return await expected_version(
        call, required=required, read=lambda: read.get(call.series_id, call.principal), what="series"
    )


async def _answer(call: Call[Q, B], series: Series, left: Sequence[LeftAlone] = ()) -> web.Response:
    occurrences = await call.carpool.series.read.occurrences(series, call.now)
    return json_response(SeriesOut.with_trips(series, occurrences, left), headers={"ETag": etag(series)})
