"""The table of events: complete, and what an event must keep to."""

from __future__ import annotations

from uuid import UUID

import pytest

from matcher.events.event import Event, EventKind, Json

FITS: dict[str, Json] = {name: 1 for name in EventKind.TRIP_CHANGED.members if name not in {"fits", "departure_time"}}


def test_every_kind_says_who_is_told_when_and_what() -> None:
    for kind in EventKind:
        assert EventKind(kind.value) is kind
        assert kind.recipient
        assert kind.when
        assert kind.members
        assert kind.optional < set(kind.members), kind


@pytest.mark.parametrize("data", [FITS, FITS | {"fits": True}, FITS | {"departure_time": "soon"}])
def test_an_event_has_what_its_row_says(data: dict[str, Json]) -> None:
    event = Event.of(EventKind.TRIP_CHANGED, "rita", UUID(int=1), "key", **data)
    assert (event.recipient, event.data, event.dedupe_key) == ("rita", data, "key")


@pytest.mark.parametrize("data", [{}, FITS | {"address": "Market"}, {**FITS, "seats": 1, "lat": 0.0}])
def test_an_event_with_anything_else_is_refused(data: dict[str, Json]) -> None:
    with pytest.raises(TypeError, match="trip_changed has"):
        Event.of(EventKind.TRIP_CHANGED, "rita", UUID(int=1), "key", **data)
