"""One offer against all requests, beside each request against all offers: the same pairs, whatever the world."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.clock import later
from matcher.domain.errors.tree import PlaceUnreachable
from matcher.domain.match import MatchRequest, TimeWindow, WindowKind
from matcher.domain.offer import Offer, OfferStatus
from matcher.matching.base.plan import to_ms
from matcher.matching.index.by_time import OfferIndexByTime
from matcher.matching.pipeline import find_candidates_by_time
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.reverse.fit import fitting_requests, who_fits
from matcher.matching.reverse.index import RequestIndex, WaitingRequest
from matcher.matching.scan.query import MeetingCandidate, Query
from tests.builders import NOW
from tests.examples import examples
from tests.property.oracle import RATE
from tests.property.scenarios import a_spot, some_request
from tests.property.test_hours_oracle import Week, weeks
from tests.property.test_meeting_oracle import some_meetings, told

WEIGHTS = ScoreWeights()
Pair = tuple[UUID, UUID]


@dataclass(frozen=True)
class Waiting:
    """A world with slots and offers, and riders who wait in it; some of them are drivers too, some walk, some do not
    want to meet some drivers.
    """

    week: Week
    requests: tuple[WaitingRequest, ...]
    hidden: dict[str, frozenset[str]]


@st.composite
def waiting(draw: st.DrawFn) -> Waiting:
    """Up to eight requests beside the offers of a week."""
    week = draw(weeks())
    random_ = random.Random(draw(st.integers(0, 2**32 - 1)))
    streets, offers = week.scenario.streets, week.scenario.offers
    spots = [
        (place.position.edge, place.position.fraction)
        for offer in offers
        for place in (offer.origin, offer.destination)
    ]
    spots += [a_spot(random_, streets) for _ in range(3)]
    drivers = [offer.driver_id for offer in offers] or ["nobody"]
    requests, hidden = [], {}
    for number in range(draw(st.integers(1, 8))):
        rider = random_.choice(drivers) if random_.random() < 0.1 else f"rider-{number}"
        request = replace(some_request(random_, streets, spots, random_.random() < 0.5), rider_id=rider)
        if offers and random_.random() < 0.3:
            request = at_the_edge(random_, request, random_.choice(offers))
        requests.append(a_waiting(random_, week, request))
        if random_.random() < 0.3:
            hidden[rider] = frozenset(random_.sample(drivers, min(len(drivers), 2)))
    return Waiting(week, tuple(requests), hidden)


def at_the_edge(random_: random.Random, request: MatchRequest, offer: Offer) -> MatchRequest:
    """The same rider at the very door of a driver, whose window only just touches the soonest or the latest
    departure, or misses it.
    """
    flexibility = timedelta(seconds=offer.flexibility_s)
    moment = later(
        offer.departure,
        random_.choice([-flexibility, flexibility]) + timedelta(milliseconds=random_.choice([-1, 0, 0, 1])),
    )
    width = timedelta(seconds=random_.choice([0, 600]))
    window = random_.choice([TimeWindow(moment - width, moment), TimeWindow(moment, moment + width)])
    if offer.origin.position == request.destination.position:
        return replace(request, window=window)
    return replace(request, window=window, window_kind=WindowKind.DEPARTURE, origin=offer.origin, seats=1)


def a_waiting(random_: random.Random, week: Week, request: MatchRequest) -> WaitingRequest:
    """A request of somebody who walks, or does not."""
    ends: list[list[MeetingCandidate]] = [[], []]
    if random_.random() < 0.4:
        ends = [
            told(some_meetings(random_, week.scenario, place.position, random_.randint(0, 3)))
            for place in (request.origin, request.destination)
        ]
    return WaitingRequest(UUID(int=random_.getrandbits(128)), request.rider_id, Query.of(request, NOW, *ends))


def forward(world: Waiting) -> dict[Pair, tuple[object, ...]]:
    """(request, offer): what each rider is shown."""
    index = OfferIndexByTime(world.week.roads(), RATE)
    for offer in world.week.scenario.offers:
        index.put(offer)
    shown: dict[Pair, tuple[object, ...]] = {}
    for request in world.requests:
        slots = index.snapshot(request.rider, world.hidden.get(request.rider, ()))
        try:
            found = find_candidates_by_time(slots, request.query, WEIGHTS, 1000)
        except PlaceUnreachable:
            continue
        for each in found.best:
            shown[request.id, each.offer_id] = (
                each.version, each.detour_ms, each.detour_cm, each.pickup_ms, each.dropoff_ms, each.pickup_choice,
                each.dropoff_choice,
                each.score,
            )  # fmt: skip
    return shown


def told_of(world: Waiting, index: RequestIndex) -> set[Pair]:
    """The pairs that the worker tells, which asks for no more than that."""
    roads = world.week.roads()
    return {
        (request.id, offer.id)
        for offer in world.week.scenario.offers
        if offer.status is OfferStatus.OPEN
        for request in who_fits(offer, index.candidates(offer), avoiding(world, offer), roads, WEIGHTS, to_ms(NOW))
    }


def avoiding(world: Waiting, offer: Offer) -> set[str]:
    """Who does not want to meet a driver, or the other way round."""
    return {rider for rider, drivers in world.hidden.items() if offer.driver_id in drivers}


def reverse(world: Waiting, index: RequestIndex) -> tuple[dict[Pair, tuple[object, ...]], int]:
    """The same, offer by offer; and how many pairs had to be decided."""
    shown: dict[Pair, tuple[object, ...]] = {}
    decided = 0
    roads = world.week.roads()
    for offer in world.week.scenario.offers:
        if offer.status is not OfferStatus.OPEN:
            continue
        possible = index.candidates(offer)
        decided += len(possible)
        for request, each, _ in fitting_requests(
            offer, possible, avoiding(world, offer), roads, WEIGHTS, to_ms(NOW), RATE
        ):
            shown[request.id, each.offer_id] = (
                each.version, each.detour_ms, each.detour_cm, each.pickup_ms, each.dropoff_ms, each.pickup_choice,
                each.dropoff_choice,
                each.score,
            )  # fmt: skip
    return shown, decided


@settings(max_examples=examples(30))
@given(waiting())
def test_both_ways_round_find_the_same(world: Waiting) -> None:
    index = RequestIndex(world.week.roads())
    index.put(world.requests)
    found, _ = reverse(world, index)
    assert found == forward(world)
    assert told_of(world, index) == found.keys()


@settings(max_examples=examples(10))
@given(waiting(), st.randoms(use_true_random=False))
def test_requests_that_come_one_by_one_and_go_leave_the_others(world: Waiting, random_: random.Random) -> None:
    index = RequestIndex(world.week.roads())
    stays = [request for request in world.requests if random_.random() < 0.6]
    for request in world.requests:
        index.put([request])
        index.put([request])
        for offer in world.week.scenario.offers[:1]:
            index.candidates(offer)
    index.remove(request.id for request in world.requests if request not in stays)
    found, _ = reverse(world, index)
    assert len(index) == len(stays)
    assert found == {pair: what for pair, what in forward(world).items() if pair[0] in {one.id for one in stays}}
