"""Riders who walk: the pipeline beside the matcher by the book, which tries every pair of candidates with every
offer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.match import MatchRequest
from matcher.domain.place import RoadPosition
from matcher.matching.base.plan import to_ms
from matcher.matching.index.index import OfferIndex
from matcher.matching.pipeline import Candidates, find_candidates
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.hints import FartherWalk
from matcher.matching.scan.query import MeetingCandidate, Query
from tests.builders import NOW
from tests.examples import examples
from tests.property import oracle_hints
from tests.property.oracle import Meeting, judge
from tests.property.scenarios import Scenario, a_spot, scenarios
from tests.property.test_matcher_oracle import MANY, an_index, first_batch, no_near_ties

Meetings = tuple[Meeting, ...]


@dataclass(frozen=True)
class Walk:
    """A world and a rider who walks: the door first, then other places, some of them twice, on one street, or where
    drivers start.
    """

    scenario: Scenario
    pickups: Meetings
    dropoffs: Meetings


@st.composite
def walks(draw: st.DrawFn, max_offers: int = 6, booked: float = 0.25) -> Walk:
    """Worlds with up to five candidates a side."""
    scenario = draw(scenarios(max_offers=max_offers, booked=booked))
    random_ = random.Random(draw(st.integers(0, 2**32 - 1)))
    counts = draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    request = scenario.request
    pickups = some_meetings(random_, scenario, request.origin.position, counts[0])
    dropoffs = some_meetings(random_, scenario, request.destination.position, counts[1])
    return Walk(scenario, pickups, dropoffs)


def some_meetings(random_: random.Random, scenario: Scenario, door: RoadPosition, count: int) -> Meetings:
    """The door and `count` other places; in round numbers often, so that costs tie."""
    stops = [stop.place.position for offer in scenario.offers for stop in offer.stops]
    found = [Meeting(door)]
    for _ in range(count):
        edge, fraction = a_spot(random_, scenario.streets, random_.random() < 0.5)
        position = RoadPosition(edge, fraction)
        if stops and random_.random() < 0.3:
            position = random_.choice(stops)
        if random_.random() < 0.15:
            position = random_.choice(found).position
        walk_ms = random_.choice([0, 60_000, 240_000, random_.randint(0, 1_200_000)])
        found.append(Meeting(position, walk_ms))
    return tuple(found)


def told(meetings: Sequence[Meeting]) -> list[MeetingCandidate]:
    """The same in the words of the core."""
    return [MeetingCandidate(meeting.position, meeting.walk_ms) for meeting in meetings]


def search(
    index: OfferIndex,
    request: MatchRequest,
    pickups: Meetings,
    dropoffs: Meetings,
    limit: int = 50,
    batch: int = 200,
    farther: Sequence[FartherWalk] = (),
) -> Candidates:
    """The pipeline's answer."""
    query = Query.of(request, NOW, told(pickups), told(dropoffs))
    with first_batch(batch):
        return find_candidates(
            index.snapshot(request.rider_id), index._roads, query, ScoreWeights(), limit, farther=farther
        )


@MANY
@given(walk=walks())
def test_a_rider_who_walks_finds_what_the_oracle_finds(walk: Walk) -> None:
    scenario, request = walk.scenario, walk.scenario.request
    expected = judge(scenario.streets, scenario.offers, request, NOW, walk.pickups, walk.dropoffs)
    found = search(an_index(scenario), request, walk.pickups, walk.dropoffs, batch=scenario.batch)

    assert {candidate.offer_id for candidate in found.best} == set(expected.rides)
    assert (found.feasible, found.considered) == (len(expected.rides), expected.considered)
    assert {reason.value: count for reason, count in found.turned_away.items()} == expected.turned_away
    for candidate in found.best:
        ride = expected.rides[candidate.offer_id]
        assert (candidate.pickup_choice, candidate.dropoff_choice) == (ride.pickup_choice, ride.dropoff_choice)
        assert candidate.walk_ms == ride.walk_ms
        assert (candidate.detour_ms, candidate.detour_cm) == (ride.detour_ms, ride.detour_cm)
        assert (candidate.ride_ms, candidate.ride_cm) == (ride.ride_ms, ride.ride_cm)
        assert (candidate.pickup_ms, candidate.dropoff_ms) == (to_ms(ride.pickup), to_ms(ride.dropoff))
        assert candidate.seats_left == ride.seats_left
        assert len(candidate.ride_via) == ride.dropoff_leg - ride.pickup_leg
        assert candidate.at_doors == ride.at_doors
        if expected.sharp:
            assert candidate.shared_cm == ride.shared_cm
            assert candidate.score == pytest.approx(float(ride.score), abs=6e-7)
    if expected.sharp and no_near_ties(expected):
        assert [candidate.offer_id for candidate in found.best] == expected.order


@MANY
@given(walk=walks(max_offers=4), door=st.booleans())
def test_hints_count_what_a_longer_walk_would_match(walk: Walk, door: bool) -> None:
    scenario, request = walk.scenario, walk.scenario.request
    near = (walk.pickups[:1], walk.dropoffs[:1]) if door else (walk.pickups[:2], walk.dropoffs[:2])
    steps = [(100 * k, walk.pickups[: k + 1], walk.dropoffs[: k + 1]) for k in (2, 3, 4)]
    farther = [FartherWalk(metres, lambda p=p, q=q: (told(p), told(q))) for metres, p, q in steps]  # type: ignore[misc]
    found = search(an_index(scenario), request, *near, farther=farther)
    expected = oracle_hints.hints(scenario.streets, scenario.offers, request, NOW, *near, farther=steps)
    assert [(hint.code, hint.would_match, hint.amount) for hint in found.hints] == expected


@MANY
@given(walk=walks())
def test_more_places_to_be_met_at_never_lose_a_match(walk: Walk) -> None:
    index, request = an_index(walk.scenario), walk.scenario.request
    matched: set[object] = set()
    for count in range(1, 6):
        found = search(index, request, walk.pickups[:count], walk.dropoffs[:count])
        assert matched <= {candidate.offer_id for candidate in found.best}
        matched = {candidate.offer_id for candidate in found.best}


@settings(max_examples=examples(40))
@given(walk=walks(max_offers=4))
def test_walkers_who_ask_for_less_never_lose_a_match(walk: Walk) -> None:
    """A wider window, fewer seats, or drivers with bigger budgets: whatever matched still does."""
    scenario, request = walk.scenario, walk.scenario.request
    index = an_index(scenario)
    matched = {c.offer_id for c in search(index, request, walk.pickups, walk.dropoffs).best}
    for easier in (oracle_hints.widened(request, 17), replace(request, seats=1)):
        assert matched <= {c.offer_id for c in search(index, easier, walk.pickups, walk.dropoffs).best}
    generous = [replace(offer, max_detour_s=offer.max_detour_s + 60, max_detour_m=None) for offer in scenario.offers]
    assert matched <= {
        c.offer_id for c in search(an_index(scenario, generous), request, walk.pickups, walk.dropoffs).best
    }


@MANY
@given(walk=walks())
def test_the_door_alone_is_door_to_door(walk: Walk) -> None:
    """Also when the door stands there twice, so that the search for walkers has it."""
    index, request = an_index(walk.scenario), walk.scenario.request
    at_door = search(index, request, (), ())
    for times in (1, 2):
        walked = search(index, request, walk.pickups[:1] * times, walk.dropoffs[:1])
        assert walked.best == at_door.best
        assert (walked.feasible, walked.considered) == (at_door.feasible, at_door.considered)
        assert (walked.turned_away, walked.hints) == (at_door.turned_away, at_door.hints)


@MANY
@given(walk=walks())
def test_what_is_promised_to_a_walker_is_kept(walk: Walk) -> None:
    """From the answer alone: home and away in the window, at the pickup in time, never more detour than from door to
    door.
    """
    request = walk.scenario.request
    for candidate in search(an_index(walk.scenario), request, walk.pickups, walk.dropoffs).best:
        to_pickup, from_dropoff = walk.pickups[candidate.pickup_choice], walk.dropoffs[candidate.dropoff_choice]
        leaves, arrives = candidate.pickup_ms - to_pickup.walk_ms, candidate.dropoff_ms + from_dropoff.walk_ms
        moment = leaves if request.window_kind.value == "departure" else arrives
        assert to_ms(request.window.earliest) <= moment <= to_ms(request.window.latest)
        assert leaves >= to_ms(NOW)
        assert candidate.walk_ms == to_pickup.walk_ms + from_dropoff.walk_ms
        if candidate.at_doors is not None:
            assert candidate.detour_ms + candidate.walk_ms / 4 <= candidate.at_doors[0]


@MANY
@given(walk=walks(max_offers=10))
def test_short_answers_and_the_order_of_publication_change_nothing(walk: Walk) -> None:
    scenario, request = walk.scenario, walk.scenario.request
    ahead = search(an_index(scenario), request, walk.pickups, walk.dropoffs)
    behind = search(an_index(scenario, scenario.offers[::-1]), request, walk.pickups, walk.dropoffs, limit=2, batch=1)
    assert behind.best == ahead.best[:2]
    assert (behind.considered, behind.turned_away, behind.hints) == (ahead.considered, ahead.turned_away, ahead.hints)
