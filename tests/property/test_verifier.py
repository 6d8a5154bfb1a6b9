"""The verifier finds nothing wrong with what the pipeline answers, and finds every number that was tampered with."""

from __future__ import annotations

from hypothesis import given

from matcher.check.match import Rider, verify_match
from matcher.check.offer import drive_offer, verify_offer
from matcher.check.plain_dijkstra import PlainDijkstra
from matcher.matching.pipeline import Candidate
from tests.builders import NOW, a_network
from tests.property.bookings import base_drive
from tests.property.scenarios import Scenario, scenarios
from tests.property.test_matcher_oracle import MANY, an_index, search


@MANY
@given(scenario=scenarios(max_offers=5, booked=0.6))
def test_matches_of_the_pipeline_hold(scenario: Scenario) -> None:
    roads = PlainDijkstra(a_network(scenario.streets))
    offers = {offer.id: offer for offer in scenario.offers}
    rider = Rider.of(roads, 1, scenario.request)
    assert rider is not None
    for candidate in search(an_index(scenario), scenario.request, limit=50).best:
        driven = drive_offer(roads, offers[candidate.offer_id])
        assert driven is not None
        found = verify_match(driven, rider, candidate, NOW)
        assert found.violations == []
        for promise, wrong in _tampered(candidate):
            spotted = {violation.promise for violation in verify_match(driven, rider, wrong, NOW).violations}
            assert (
                f"match: {promise}" in spotted
                or (promise == "shared road" and not rider.direct.unique)
                or (promise == "shared road" and not all(leg.unique for leg in driven.legs))
            )


def _tampered(claim: Candidate) -> list[tuple[str, Candidate]]:
    return [
        ("detour", claim._replace(detour_ms=claim.detour_ms - 1)),
        ("detour", claim._replace(detour_cm=claim.detour_cm + 1)),
        ("ride", claim._replace(ride_ms=claim.ride_ms + 1)),
        ("ride", claim._replace(ride_cm=claim.ride_cm - 1)),
        ("times", claim._replace(pickup_ms=claim.pickup_ms + 2)),
        ("times", claim._replace(dropoff_ms=claim.dropoff_ms - 2)),
        ("times", claim._replace(shift_ms=claim.shift_ms + 2)),
        ("window", claim._replace(pickup_ms=0, dropoff_ms=0)),
        ("seats", claim._replace(seats_left=claim.seats_left + 1)),
        ("shared road", claim._replace(shared_cm=claim.shared_cm + 1)),
    ]


@MANY
@given(scenario=scenarios(max_offers=5, booked=0.6))
def test_an_offer_that_does_not_fit_is_found_out_when_it_is_claimed(scenario: Scenario) -> None:
    """Whoever the search turned away for seats, detour or time is refused by the verifier as well."""
    roads = PlainDijkstra(a_network(scenario.streets))
    rider = Rider.of(roads, 1, scenario.request)
    assert rider is not None
    best = search(an_index(scenario), scenario.request, limit=50).best
    fitting = {candidate.offer_id: candidate for candidate in best}
    for offer in scenario.offers:
        driven = drive_offer(roads, offer)
        if offer.id in fitting or driven is None or not best or offer.driver_id == scenario.request.rider_id:
            continue
        if offer.status.value == "OPEN":
            claim = best[0]._replace(offer_id=offer.id)
            assert [v.promise for v in verify_match(driven, rider, claim, NOW).violations] == ["match: can be made"]


@MANY
@given(scenario=scenarios(max_offers=5, booked=1.0))
def test_bookings_that_add_up_are_found_sound(scenario: Scenario) -> None:
    """What the scenarios make on purpose may be too much detour; everything else of a booked offer holds."""
    roads = PlainDijkstra(a_network(scenario.streets))
    for offer in scenario.offers:
        assert base_drive(scenario.streets, offer) == (offer.duration_ms, offer.length_cm)
        found, driven = verify_offer(roads, offer)
        assert driven is not None
        broken = {violation.promise for violation in found.violations}
        # Places of these scenarios are nowhere near their roads.
        assert broken <= {"positions are near their places", "detour within its budget", "detour within its length"}
