"""Requests that wait, as columns: they come once, go when their window is over or they are taken back, and the sieve
keeps what could fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from matcher.domain.place import Coordinate
from matcher.matching.base.plan import to_ms
from matcher.matching.reverse.index import RequestIndex, WaitingRequest
from matcher.matching.scan.query import Query
from matcher.roads.by_time import roads_by_time
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.region.speeds import FREE_FLOW_ONLY
from tests.builders import NOW, a_network, a_request, a_ring, an_offer

HOUR = timedelta(hours=1)


@pytest.fixture
def index() -> RequestIndex:
    network = a_network(a_ring())
    greenwich = Coordinate(lat=51.48, lon=0.0)
    return RequestIndex(roads_by_time("test", "f", network, Topology.build(network), FREE_FLOW_ONLY, greenwich))


def waiting(number: int, **changes: Any) -> WaitingRequest:
    """A rider along the way of the default offer, at its time."""
    request = a_request(rider_id=f"rider-{number}", **changes)
    return WaitingRequest(UUID(int=number), request.rider_id, Query.of(request, NOW))


def numbers(requests: Sequence[WaitingRequest]) -> list[int]:
    return [request.id.int for request in requests]


def test_requests_come_once_and_go(index: RequestIndex) -> None:
    index.put([waiting(1), waiting(2)])
    index.put([waiting(2, seats=8), waiting(3)])
    assert numbers(index.all()) == [1, 2, 3]
    assert numbers(index.candidates(an_offer())) == [1, 2, 3], "the second stayed as it was"
    index.remove([UUID(int=1), UUID(int=99)])
    assert numbers(index.candidates(an_offer())) == [2, 3]
    assert (len(index), UUID(int=1) in index, UUID(int=3) in index) == (2, False, True)
    index.remove([UUID(int=2), UUID(int=3)])
    assert index.candidates(an_offer()) == []
    index.put([waiting(1)])
    assert numbers(index.candidates(an_offer())) == [1]


def test_what_is_over_goes_and_what_ends_now_stays(index: RequestIndex) -> None:
    index.put([waiting(n, earliest=NOW, latest=NOW + n * HOUR) for n in (1, 2, 3)])
    assert index.expire(to_ms(NOW + 2 * HOUR)) == 1
    assert numbers(index.all()) == [2, 3]
    assert index.expire(to_ms(NOW + 9 * HOUR)) == 2
    assert len(index) == 0


def test_passed_over_are_ones_own_too_many_seats_women_only_and_other_hours(index: RequestIndex) -> None:
    women = waiting(3)
    index.put([
        waiting(1), waiting(2, seats=4), replace(women, query=replace(women.query, women_only=True)),
        waiting(4, earliest=NOW + 9 * HOUR, latest=NOW + 10 * HOUR),
    ])  # fmt: skip
    assert numbers(index.candidates(an_offer(seats_left=3))) == [1]
    assert numbers(index.candidates(an_offer(seats_left=4))) == [1, 2]
    assert numbers(index.candidates(replace(an_offer(), driver_is_woman=True))) == [1, 3]
    assert numbers(index.candidates(an_offer(departure=NOW + 9 * HOUR))) == [4]
    assert numbers(index.candidates(an_offer(driver_id="rider-1"))) == []


def test_passed_over_is_who_is_too_far_from_the_way(index: RequestIndex) -> None:
    """Around the ring it is six minutes; the offer drives two of them, and has ten minutes, or none, for others."""
    index.put([waiting(1), waiting(2, origin=(3, 0.5), destination=(4, 0.5))])
    assert numbers(index.candidates(an_offer(max_detour_s=600))) == [1, 2]
    assert numbers(index.candidates(an_offer(max_detour_s=0))) == [1]
