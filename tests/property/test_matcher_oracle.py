"""The pipeline beside the matcher by the book: same offers, same detours and shared road, same order, same account
of the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings

from matcher.domain.match import MatchRequest
from matcher.domain.offer import Offer
from matcher.matching.base.plan import to_ms
from matcher.matching.index.index import OfferIndex
from matcher.matching.pipeline import Candidates, find_candidates
from matcher.matching.rank import best as ranking
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from tests.builders import NOW, an_engine
from tests.examples import examples
from tests.property import oracle_hints
from tests.property.oracle import RATE, Verdict, judge, millionths
from tests.property.scenarios import Scenario, scenarios

MANY = settings(max_examples=examples(100))


def an_index(scenario: Scenario, offers: Iterable[Offer] | None = None) -> OfferIndex:
    """A fresh index on a fresh engine, in small blocks: two thirds of the offers sorted, the rest behind them."""
    index = OfferIndex(an_engine(scenario.streets), rate=RATE, block=8)
    every = list(scenario.offers if offers is None else offers)
    sorted_ones = 2 * len(every) // 3
    for offer in every[:sorted_ones]:
        index.put(offer)
    index.compact()
    for offer in every[sorted_ones:]:
        index.put(offer)
    return index


def search(index: OfferIndex, request: MatchRequest, limit: int | None = None, batch: int = 200) -> Candidates:
    """The pipeline's answer."""
    with first_batch(batch):
        return find_candidates(
            index.snapshot(request.rider_id),
            index._roads,  # the index and the search must agree on the roads
            Query.of(request, NOW),
            ScoreWeights(),
            request.limit if limit is None else limit,
        )


@contextmanager
def first_batch(size: int) -> Iterator[None]:
    """Make the ranking prune with few offers, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "FIRST_BATCH", size)
        yield


def no_near_ties(verdict: Verdict) -> bool:
    """Whether rounding to millionths cannot fall either way: float arithmetic is good to far less than a thousandth
    of one.
    """
    return all(
        abs(ride.score * 1_000_000 - millionths(ride.score)) < Fraction(499, 1000) for ride in verdict.rides.values()
    )


@MANY
@given(scenario=scenarios())
def test_the_pipeline_finds_what_the_oracle_finds(scenario: Scenario) -> None:
    agree(scenario)


def agree(scenario: Scenario) -> None:
    """Fail unless the pipeline answers what the oracle does."""
    expected = judge(scenario.streets, scenario.offers, scenario.request, NOW)
    found = search(an_index(scenario), scenario.request, limit=50)

    assert {candidate.offer_id for candidate in found.best} == set(expected.rides)
    assert (found.feasible, found.considered) == (len(expected.rides), expected.considered)
    assert {reason.value: count for reason, count in found.turned_away.items()} == expected.turned_away
    for candidate in found.best:
        ride = expected.rides[candidate.offer_id]
        assert (candidate.detour_ms, candidate.detour_cm) == (ride.detour_ms, ride.detour_cm)
        assert (candidate.ride_ms, candidate.ride_cm) == (ride.ride_ms, ride.ride_cm)
        assert (candidate.pickup_ms, candidate.dropoff_ms) == (to_ms(ride.pickup), to_ms(ride.dropoff))
        assert candidate.shift_ms == ride.shift // timedelta(milliseconds=1)
        assert candidate.seats_left == ride.seats_left
        assert len(candidate.ride_via) == ride.dropoff_leg - ride.pickup_leg
        if expected.sharp:
            assert candidate.shared_cm == ride.shared_cm
            assert candidate.score == pytest.approx(float(ride.score), abs=6e-7)
    if expected.sharp and no_near_ties(expected):
        assert [candidate.offer_id for candidate in found.best] == expected.order


@MANY
@given(scenario=scenarios(max_offers=16))
def test_a_short_answer_is_the_beginning_of_the_long_one(scenario: Scenario) -> None:
    """Pruning by the score that an offer could have at most loses nothing that belongs in the answer."""
    index = an_index(scenario)
    everything = search(index, scenario.request, limit=50)
    for limit in (1, 2, 5):
        for batch in (1, scenario.batch):
            few = search(index, scenario.request, limit=limit, batch=batch)
            assert [c.offer_id for c in few.best] == [c.offer_id for c in everything.best[:limit]]
            assert [c.score for c in few.best] == [c.score for c in everything.best[:limit]]


@MANY
@given(scenario=scenarios(max_offers=6))
def test_hints_count_what_would_match(scenario: Scenario) -> None:
    found = search(an_index(scenario), scenario.request)
    expected = oracle_hints.hints(scenario.streets, scenario.offers, scenario.request, NOW)
    assert [(hint.code, hint.would_match, hint.amount) for hint in found.hints] == expected


@MANY
@given(scenario=scenarios())
def test_scores_and_their_parts_are_shares(scenario: Scenario) -> None:
    for candidate in search(an_index(scenario), scenario.request).best:
        assert 0.0 <= candidate.score <= 1.0
        assert sum(part.weight for part in candidate.parts.values()) == pytest.approx(1.0)
        assert all(0.0 <= part.value <= 1.0 for part in candidate.parts.values())
        told = sum(part.value * part.weight for part in candidate.parts.values())
        assert candidate.score == pytest.approx(told, abs=2e-6)


@MANY
@given(scenario=scenarios())
def test_asking_for_less_never_loses_a_match(scenario: Scenario) -> None:
    """A wider window, fewer seats, a bigger budget or car: whatever matched still does."""
    request, index = scenario.request, an_index(scenario)
    matched = {candidate.offer_id for candidate in search(index, request, limit=50).best}
    for by in (1, 17, 240):
        assert matched <= {c.offer_id for c in search(index, oracle_hints.widened(request, by), limit=50).best}
    assert matched <= {c.offer_id for c in search(index, replace(request, seats=1), limit=50).best}
    generous = [
        replace(
            offer,
            max_detour_s=offer.max_detour_s + 60,
            max_detour_m=None if offer.max_detour_m is None else offer.max_detour_m + 100,
            seats_left=offer.seats_left + 1,
            flexibility_s=offer.flexibility_s + 60,
        )
        for offer in scenario.offers
    ]
    assert matched <= {c.offer_id for c in search(an_index(scenario, generous), request, limit=50).best}


@MANY
@given(scenario=scenarios())
def test_the_order_of_publication_changes_nothing(scenario: Scenario) -> None:
    ahead = search(an_index(scenario), scenario.request)
    for offers in (scenario.offers[::-1], scenario.offers[1::2] + scenario.offers[::2]):
        behind = search(an_index(scenario, offers), scenario.request, batch=scenario.batch)
        assert behind.best == ahead.best
        assert (behind.considered, behind.turned_away, behind.hints) == (
            ahead.considered,
            ahead.turned_away,
            ahead.hints,
        )


@MANY
@given(scenario=scenarios())
def test_a_driver_that_waits_for_the_rider_is_within_both_their_limits(scenario: Scenario) -> None:
    """A promise checked from the answer alone: pickup in the window, driver on time, pickup before dropoff, not
    before now.
    """
    offers = {offer.id: offer for offer in scenario.offers}
    request = scenario.request
    for candidate in search(an_index(scenario), request).best:
        offer = offers[candidate.offer_id]
        moment = candidate.pickup_ms if request.window_kind.value == "departure" else candidate.dropoff_ms
        assert to_ms(request.window.earliest) <= moment <= to_ms(request.window.latest)
        assert candidate.pickup_ms <= candidate.dropoff_ms
        assert candidate.pickup_ms >= to_ms(NOW)
        assert candidate.pickup_ms >= to_ms(offer.departure - timedelta(seconds=offer.flexibility_s))
        assert candidate.seats_left >= request.seats
        assert candidate.detour_ms <= 1000 * offer.max_detour_s
        assert offer.driver_id != request.rider_id
