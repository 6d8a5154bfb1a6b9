"""Speeds by the hour beside the matcher by the book: each offer judged on the streets of the hours it departs in."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.match import MatchRequest, TimeWindow
from matcher.domain.offer import Offer
from matcher.domain.place import Coordinate
from matcher.matching.base.plan import to_ms
from matcher.matching.index.by_time import OfferIndexByTime
from matcher.matching.pipeline import Candidates, find_candidates_by_time
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.roads.by_time import RoadEngines, roads_by_time
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import ROAD_CLASSES
from matcher.roads.region.speeds import FREE_FLOW_ONLY, Slot, SpeedProfile
from tests.builders import NOW, Street, a_network
from tests.examples import examples
from tests.property import oracle_hints
from tests.property.oracle import RATE, Meeting, Verdict, judge
from tests.property.scenarios import Scenario, scenarios
from tests.property.test_matcher_oracle import first_batch, no_near_ties
from tests.property.test_meeting_oracle import some_meetings, told

GREENWICH = Coordinate(lat=51.48, lon=0.0)


@dataclass(frozen=True)
class Week:
    """A world whose streets are of different classes, driven at different speeds at different hours."""

    scenario: Scenario
    classes: tuple[int, ...]  # of each street
    profile: SpeedProfile
    pickups: tuple[Meeting, ...]
    dropoffs: tuple[Meeting, ...]

    def slot_of(self, moment: datetime) -> int:
        """By the clocks of London, which the roads are told to lie in."""
        local = moment.astimezone(ZoneInfo("Europe/London"))
        return self.profile.slot_of_hour[24 * local.weekday() + local.hour]

    def streets(self, slot: int) -> list[Street]:
        """The streets with the times of a slot."""
        factors = self.profile.slots[slot].factors

        def slower(ms: int | None, factor: float) -> int | None:
            return None if ms is None else round(ms * factor)

        return [
            replace(
                street,
                forward_ms=slower(street.forward_ms, factors[kind]),
                backward_ms=slower(street.backward_ms, factors[kind]),
            )
            for street, kind in zip(self.scenario.streets, self.classes, strict=True)
        ]

    def roads(self) -> RoadEngines:
        """The same for the pipeline."""
        network = replace(a_network(self.scenario.streets), edge_class=np.array(self.classes, dtype=np.uint8))
        return roads_by_time("test", "fingerprint", network, Topology.build(network), self.profile, GREENWICH)

    def judge(
        self,
        _streets: Sequence[Street],
        offers: Sequence[Offer],
        request: MatchRequest,
        now: datetime,
        pickups: Sequence[Meeting] = (),
        dropoffs: Sequence[Meeting] = (),
    ) -> Verdict:
        """The oracle's answer: each slot by itself, and all put together."""
        parts = []
        for slot in range(len(self.profile.slots)):
            there = [offer for offer in offers if self.slot_of(offer.departure) == slot]
            parts.append(judge(self.streets(slot), there, request, now, pickups, dropoffs))
        misses = [part.nearest_miss_ms for part in parts if part.nearest_miss_ms is not None]
        return Verdict(
            rides={offer_id: ride for part in parts for offer_id, ride in part.rides.items()},
            considered=sum(part.considered for part in parts),
            turned_away=dict(sum((Counter(part.turned_away) for part in parts), Counter())),
            nearest_miss_ms=min(misses, default=None),
            sharp=all(part.sharp for part in parts),
        )


@st.composite
def weeks(draw: st.DrawFn) -> Week:
    """One to four slots that change within the hours in which offers of a scenario depart; with walks, and without."""
    scenario = draw(scenarios(max_offers=12))
    count = draw(st.integers(1, 4))
    walks = draw(st.booleans())
    random_ = random.Random(draw(st.integers(0, 2**32 - 1)))
    factors = [tuple(random_.choice([0.5, 1.0, 1.0, 1.45, 3.0, 10.0]) for _ in ROAD_CLASSES) for _ in range(count)]
    slots = tuple(Slot(f"slot {k}", row) for k, row in enumerate(factors))
    hours = tuple(random_.randrange(count) for _ in range(7 * 24))
    classes = tuple(random_.randrange(len(ROAD_CLASSES)) for _ in scenario.streets)
    offers = tuple(
        replace(offer, departure=offer.departure + timedelta(hours=random_.choice([0, 0, 0, -20, 24])))
        for offer in scenario.offers
    )
    scenario = replace(scenario, offers=offers)
    origin, destination = scenario.request.origin.position, scenario.request.destination.position
    return Week(
        scenario,
        classes,
        SpeedProfile("test", slots, hours),
        some_meetings(random_, scenario, origin, 2) if walks else (),
        some_meetings(random_, scenario, destination, 2) if walks else (),
    )


def search(week: Week, limit: int = 50) -> Candidates:
    """The pipeline's answer, with every offer put where it belongs by the index itself."""
    index = OfferIndexByTime(week.roads(), RATE)
    for offer in week.scenario.offers:
        index.put(offer)
    query = Query.of(week.scenario.request, NOW, told(week.pickups), told(week.dropoffs))
    with first_batch(week.scenario.batch):
        return find_candidates_by_time(index.snapshot(week.scenario.request.rider_id), query, ScoreWeights(), limit)


@settings(max_examples=examples(40))
@given(week=weeks())
def test_each_offer_is_judged_at_the_speeds_of_its_hours(week: Week) -> None:
    scenario = week.scenario
    expected = week.judge((), scenario.offers, scenario.request, NOW, week.pickups, week.dropoffs)
    found = search(week)

    assert {candidate.offer_id for candidate in found.best} == set(expected.rides)
    assert (found.feasible, found.considered) == (len(expected.rides), expected.considered)
    assert {reason.value: count for reason, count in found.turned_away.items()} == expected.turned_away
    for candidate in found.best:
        ride = expected.rides[candidate.offer_id]
        assert (candidate.detour_ms, candidate.detour_cm) == (ride.detour_ms, ride.detour_cm)
        assert (candidate.ride_ms, candidate.ride_cm) == (ride.ride_ms, ride.ride_cm)
        assert (candidate.pickup_ms, candidate.dropoff_ms) == (to_ms(ride.pickup), to_ms(ride.dropoff))
        if expected.sharp:
            assert candidate.shared_cm == ride.shared_cm
            assert candidate.score == pytest.approx(float(ride.score), abs=6e-7)
    if expected.sharp and no_near_ties(expected):
        assert [candidate.offer_id for candidate in found.best] == expected.order
    for limit in (1, 3):
        assert search(week, limit).best == found.best[:limit]


@settings(max_examples=examples(20))
@given(week=weeks())
def test_hints_look_at_the_offers_of_all_hours(week: Week) -> None:
    scenario = week.scenario
    hints = [(hint.code, hint.would_match, hint.amount) for hint in search(week).hints]
    assert hints == oracle_hints.hints(
        (), scenario.offers, scenario.request, NOW, week.pickups, week.dropoffs, judged=week.judge
    )


@settings(max_examples=examples(30))
@given(week=weeks())
def test_slots_that_are_driven_alike_change_nothing(week: Week) -> None:
    """The order of equal scores included: by offer id, whichever slot they are in.

    Every trip is made again an hour later.
    """
    scenario = week.scenario
    again = [
        replace(offer, id=UUID(int=2**128 - 1 - offer.id.int), departure=offer.departure + timedelta(hours=1))
        for offer in scenario.offers
    ]
    long = replace(scenario.request, window=TimeWindow(NOW, NOW + timedelta(hours=8)))
    week = replace(week, scenario=replace(scenario, offers=(*scenario.offers, *again), request=long))
    alike = tuple(Slot(slot.name, (1.0,) * len(ROAD_CLASSES)) for slot in week.profile.slots)
    split = search(replace(week, profile=replace(week.profile, slots=alike)))
    whole = search(replace(week, profile=FREE_FLOW_ONLY))
    assert [candidate._replace(slot=0) for candidate in split.best] == list(whole.best)
    for name in ("feasible", "considered", "turned_away", "hints"):
        assert getattr(split, name) == getattr(whole, name)
