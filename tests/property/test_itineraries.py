"""Offers with riders aboard: the cheapest pair of legs beside the matcher by the book, and bookings made of the
answers.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings

from matcher.domain.itinerary import Stop, StopKind, seats_by_leg
from matcher.domain.match import MatchRequest
from matcher.domain.offer import Offer
from matcher.matching.base.plan import Plan
from matcher.matching.base.positions import split_cost
from tests.builders import NOW, an_engine
from tests.examples import examples
from tests.property import oracle_hints
from tests.property.bookings import base_drive, boarded
from tests.property.oracle import Ride, Verdict, judge
from tests.property.scenarios import Scenario, a_scenario, scenarios
from tests.property.test_matcher_oracle import MANY, agree, an_index, search

MINUTE = timedelta(minutes=1)


@MANY
@given(scenario=scenarios(max_offers=6, booked=1.0))
def test_riders_are_inserted_where_the_oracle_inserts_them(scenario: Scenario) -> None:
    agree(scenario)


@MANY
@given(scenario=scenarios(max_offers=4, booked=1.0))
def test_hints_count_offers_with_riders_too(scenario: Scenario) -> None:
    found = search(an_index(scenario), scenario.request)
    expected = oracle_hints.hints(scenario.streets, scenario.offers, scenario.request, NOW)
    assert [(hint.code, hint.would_match, hint.amount) for hint in found.hints] == expected


def _never_too_early(offer: Offer) -> Offer:
    return replace(offer, booked_stops=tuple(replace(stop, earliest=None) for stop in offer.booked_stops))


def _never_late(offer: Offer) -> Offer:
    return replace(offer, booked_stops=tuple(replace(stop, latest=None) for stop in offer.booked_stops))


#: Each limit of an itinerary, and the offer without it.
LIMITS: dict[str, Callable[[Offer], Offer]] = {
    "not before": _never_too_early,
    "not after": _never_late,
    "seats by leg": lambda offer: replace(offer, seats_offered=50),
    "budget in seconds": lambda offer: replace(offer, max_detour_s=1_000_000),
    "seconds that bookings used": lambda offer: replace(offer, duration_ms=offer.duration_ms + 3_600_000),
    "budget in metres": lambda offer: replace(offer, max_detour_m=None),
    "metres that bookings used": lambda offer: replace(offer, length_cm=offer.length_cm + 10_000_000),
    "departure already moved": lambda offer: replace(offer, departure_shift_ms=0),
}


@pytest.fixture(scope="module")
def corpus() -> list[tuple[Scenario, Verdict]]:
    """Worlds that are the same in every run, each offer with riders, and what the oracle says of them."""
    random_ = random.Random(20261201)
    worlds = [
        a_scenario(
            random_,
            random_.randint(3, 7),
            random_.randint(2, 7),
            4,
            round_numbers=random_.random() < 0.5,
            vias=True,
            booked=1.0,
        )
        for _ in range(80)
    ]
    return [(world, judge(world.streets, world.offers, world.request, NOW)) for world in worlds]


def test_the_scenarios_touch_every_reason(corpus: list[tuple[Scenario, Verdict]]) -> None:
    """Agreement with the oracle says something only where offers are turned away, and taken, for every reason there
    is.
    """
    reasons: Counter[str] = Counter()
    for _, verdict in corpus:
        reasons.update(verdict.turned_away)
        reasons.update(
            "same leg" if ride.pickup_leg == ride.dropoff_leg else "across" for ride in verdict.rides.values()
        )
        reasons.update("moved" for ride in verdict.rides.values() if ride.shift)
        reasons.update("nearest miss" for _ in [1] if verdict.nearest_miss_ms is not None)
    wanted = {
        "own_offer",
        "outside_window",
        "no_seats",
        "detour",
        "detour_length",
        "same leg",
        "across",
        "moved",
    }
    assert {reason for reason, count in reasons.items() if count >= 5} == wanted | {"nearest miss"}


@pytest.mark.parametrize("limit", LIMITS)
def test_every_limit_of_an_itinerary_decides_somewhere(corpus: list[tuple[Scenario, Verdict]], limit: str) -> None:
    """With one kind of limit lifted, the oracle answers otherwise, and the pipeline with it."""
    changed = 0
    for world, before in corpus:
        lifted = replace(world, offers=tuple(LIMITS[limit](offer) for offer in world.offers))
        after = judge(lifted.streets, lifted.offers, lifted.request, NOW)
        if after.rides != before.rides:
            changed += 1
            agree(lifted)
    assert changed >= 3


@MANY
@given(scenario=scenarios(max_offers=5, booked=0.7))
def test_a_booked_ride_keeps_every_promise_and_leaves_room_for_its_twin(scenario: Scenario) -> None:
    """The answer is booked as it was given: nobody is late, nothing is oversold, and the same ride then costs no
    detour at all.
    """
    found = judge(scenario.streets, scenario.offers, scenario.request, NOW)
    offers = {offer.id: offer for offer in scenario.offers}
    for number, ride in enumerate(found.rides.values()):
        offer = offers[ride.offer_id]
        after = _booked(scenario, offer, ride, scenario.request, number)
        before_plan, plan = _plan(scenario, offer), _plan(scenario, after)
        assert min(plan.early_ms) >= 0
        assert min(plan.late_ms) >= 0
        assert plan.leaves_from_ms <= plan.departure_ms <= plan.leaves_by_ms
        assert plan.max_detour_ms == before_plan.max_detour_ms - ride.detour_ms >= 0
        if offer.max_detour_m is not None:
            assert plan.max_detour_cm == before_plan.max_detour_cm - ride.detour_cm >= 0
        assert split_cost(plan.cost)[0] == split_cost(before_plan.cost)[0] + ride.detour_ms
        free = seats_by_leg(after.stops, after.seats_offered)
        assert min(free[ride.pickup_leg + 1 : ride.dropoff_leg + 2]) == ride.seats_left - scenario.request.seats

        twin = replace(scenario.request, rider_id="twin")
        again = search(an_index(scenario, [after]), twin, limit=50)
        if ride.seats_left >= 2 * twin.seats:
            (candidate,) = again.best
            assert (candidate.detour_ms, candidate.detour_cm) == (0, 0)
        assert all(candidate.seats_left >= twin.seats for candidate in again.best)


@settings(max_examples=examples(30))
@given(scenario=scenarios(max_offers=3, booked=0.5))
def test_riders_are_booked_until_nothing_fits(scenario: Scenario) -> None:
    """One rider after another is put aboard where the pipeline, checked by the oracle, says: limits hold to the end."""
    offers = {offer.id: offer for offer in scenario.offers}
    riders = itertools.cycle(_others(scenario))
    for number in range(8):
        request = replace(next(riders), rider_id=f"rider-{number}")
        world = replace(scenario, offers=tuple(offers.values()), request=request)
        agree(world)
        verdict = judge(world.streets, world.offers, request, NOW)
        if not verdict.rides:
            continue
        ride = verdict.rides[verdict.order[0]]
        offers[ride.offer_id] = _booked(scenario, offers[ride.offer_id], ride, request, number)
        seats_by_leg(offers[ride.offer_id].stops, offers[ride.offer_id].seats_offered)


def _others(scenario: Scenario) -> Iterator[MatchRequest]:
    """The scenario's rider, and riders between stops of its offers."""
    yield scenario.request
    for offer in scenario.offers:
        for here, there in itertools.combinations(offer.stops, 2):
            if here.place.position != there.place.position:
                yield replace(scenario.request, origin=here.place, destination=there.place, seats=1)


def _booked(scenario: Scenario, offer: Offer, ride: Ride, request: MatchRequest, number: int) -> Offer:
    """The offer with the ride in it, the rider's times promised to the minute."""
    if not offer.booked_stops:
        duration_ms, length_cm = base_drive(scenario.streets, offer)
        offer = replace(offer, seats_offered=max(1, offer.seats_left), duration_ms=duration_ms, length_cm=length_cm)
    booking = UUID(int=2**100 + number)
    return boarded(
        offer,
        (
            Stop(StopKind.PICKUP, request.origin, booking, request.seats, ride.pickup - MINUTE, ride.pickup + MINUTE),
            Stop(StopKind.DROPOFF, request.destination, booking, request.seats, None, ride.dropoff + MINUTE),
        ),
        (ride.pickup_leg, ride.dropoff_leg),
        ride.shift,
    )


def _plan(scenario: Scenario, offer: Offer) -> Plan:
    engine = an_engine(scenario.streets)
    costs = [engine.cost(a.place.position, b.place.position) for a, b in itertools.pairwise(offer.stops)]
    return Plan.of(offer, [cost for cost in costs if cost is not None])
