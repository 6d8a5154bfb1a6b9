"""Page cursors: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.call.paging import next_cursor, position_of
from api.schemas.offers import OfferListQuery
from matcher.domain.errors.tree import InvalidCursor

NO_FILTERS = OfferListQuery()
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # the zone is given beside them


@given(MOMENTS, st.uuids())
def test_a_position_survives_to_the_microsecond(moment: datetime, identifier: UUID) -> None:
    cursor = next_cursor((moment, identifier), NO_FILTERS)
    assert cursor is not None
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert position_of(OfferListQuery(cursor=cursor)) == (moment, identifier)


@given(st.text(max_size=60))
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        position_of(OfferListQuery(cursor=text))


@given(st.binary(min_size=32, max_size=32))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidCursor):
        position_of(OfferListQuery(cursor=base64.urlsafe_b64encode(data).decode().rstrip("=")))


def test_no_cursor_is_the_first_page() -> None:
    assert position_of(NO_FILTERS) is None


def test_the_same_filters_may_be_written_otherwise() -> None:
    position = (datetime(2026, 12, 1, tzinfo=UTC), UUID(int=7))
    zulu = OfferListQuery.model_validate({"from": "2026-12-01T00:00:00Z", "limit": "5"})
    cursor = next_cursor(position, zulu)
    offset = OfferListQuery.model_validate({"from": "2026-11-30T21:00:00-03:00", "limit": "9", "cursor": cursor})
    assert position_of(offset) == position
    with pytest.raises(InvalidCursor):
        position_of(OfferListQuery(cursor=cursor))
