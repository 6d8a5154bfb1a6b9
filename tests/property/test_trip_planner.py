"""Riders are taken along and let go in any order; after each step the trip is verified from the road graph alone,
and nobody's promise is broken.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.check.offer import verify_offer
from matcher.check.plain_dijkstra import PlainDijkstra
from matcher.domain.booking import Booking, BookingStatus
from matcher.domain.errors.tree import Conflict
from matcher.domain.match import WindowKind
from matcher.domain.offer import Offer
from matcher.matching.index.index import OfferIndex
from matcher.matching.pipeline import Candidate, find_candidates
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.roads.engine import RoadEngine
from matcher.roads.hierarchy.topology import Topology
from matcher.trips.bookings.book import promised_points
from matcher.trips.planner import Boarding, TripPlanner, reached_at
from matcher.trips.tickets import MatchTicket, TicketPoint
from tests.builders import ANYWHERE, NOW, a_network, a_request, an_offer
from tests.builders_bookings import a_booking
from tests.examples import examples
from tests.fakes_bookings import FitsAsItIs
from tests.property.bookings import base_drive
from tests.property.scenarios import a_spot, a_town

SOME = settings(max_examples=examples(20))
_EPOCH = datetime.fromtimestamp(0, tz=UTC)
_numbers = itertools.count(1)


class World:
    """A town, one trip in it, and the riders on it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.streets = a_town(
            self.random, self.random.randint(3, 7), self.random.randint(1, 7), self.random.random() < 0.5
        )
        network = a_network(self.streets)
        self.engine = RoadEngine("test", "fingerprint", network, Topology.build(network))
        self.plain = PlainDijkstra(network)
        self.planner = TripPlanner(self.engine, FitsAsItIs(), snap_limit_m=1000.0)
        offer = an_offer(
            a_spot(self.random, self.streets),
            a_spot(self.random, self.streets),
            via=[a_spot(self.random, self.streets) for _ in range(self.random.choice([0, 0, 1, 2]))],
            seats_left=self.random.randint(1, 4),
            max_detour_s=self.random.choice([600, 3600, 14_400]),
            flexibility_s=self.random.choice([0, 300, 1800]),
            departure=NOW + timedelta(hours=2),
        )
        ms, cm = base_drive(self.streets, offer)
        self.published = self.offer = replace(offer, duration_ms=ms, length_cm=cm)
        self.aboard: dict[UUID, Booking] = {}

    def candidate(self) -> tuple[Booking, Candidate] | None:
        """A rider whom a search shows this trip, and what it shows."""
        request = a_request(
            a_spot(self.random, self.streets),
            a_spot(self.random, self.streets),
            earliest=NOW,
            latest=NOW + timedelta(hours=self.random.choice([2, 3, 6])),
            window_kind=self.random.choice(list(WindowKind)),
            seats=self.random.choice([1, 1, 2]),
        )
        index = OfferIndex(self.engine)
        index.put(self.offer)
        found = find_candidates(index.snapshot("rider"), self.engine, Query.of(request, NOW), ScoreWeights(), 1)
        if not found.best:
            return None
        best = found.best[0]
        board, alight = (
            TicketPoint(ANYWHERE, "", place.position, 0, 0, _moment(at_ms))
            for place, at_ms in ((request.origin, best.pickup_ms), (request.destination, best.dropoff_ms))
        )
        ticket = MatchTicket(
            rider_id="rider",
            offer_id=self.offer.id,
            version=self.offer.version,
            seats=request.seats,
            roads="",
            pickup=board,
            dropoff=alight,
            window=request.window,
            window_kind=request.window_kind,
        )
        pickup, dropoff = promised_points(ticket, timedelta(seconds=self.random.choice([0, 60, 300])))
        wish = a_booking(
            id=UUID(int=next(_numbers)),
            offer_id=self.offer.id,
            rider_id="rider",
            seats=request.seats,
            pickup=pickup,
            dropoff=dropoff,
        )
        return wish, best

    def take_along(self) -> None:
        shown = self.candidate()
        if shown is None:
            return
        wish, best = shown
        boarding = self.planner.board(self.offer, wish, NOW)
        seated = boarding.booking
        assert (seated.pickup.at, seated.dropoff.at) == (wish.pickup.at, wish.dropoff.at), "as the match has shown it"
        assert (seated.detour_ms, seated.detour_cm, seated.ride_ms) == (best.detour_ms, best.detour_cm, best.ride_ms)
        self.aboard[seated.id] = replace(seated, status=BookingStatus.CONFIRMED, confirmed_at=NOW)
        self._becomes(boarding.offer)

    def let_go(self) -> None:
        gone = self.random.choice(list(self.aboard))
        del self.aboard[gone]
        self._becomes(self.planner.let_go(self.offer, {gone}, NOW))

    def _becomes(self, offer: Offer) -> None:
        assert offer.version == self.offer.version + 1
        self.offer = offer
        for booking in self.planner.retimed(offer, self.aboard.values(), NOW):
            self.aboard[booking.id] = booking
        self.verify()

    def verify(self) -> None:
        """From the road graph alone; places of these towns are nowhere near their roads."""
        found, driven = verify_offer(self.plain, self.offer)
        broken = [v for v in found.violations if v.promise != "positions are near their places"]
        assert broken == []
        assert driven is not None
        assert {stop.booking_id for stop in self.offer.booked_stops if stop.booking_id} == self.aboard.keys()
        reached = reached_at(self.offer, self.planner.drives(self.offer), self.offer.departure_shift_ms)
        assert list(reached) == sorted(reached)
        for booking in self.aboard.values():
            for point in (booking.pickup, booking.dropoff):
                assert point.earliest is None or point.earliest <= point.at
                assert point.at <= point.latest


@SOME
@given(st.integers(0, 2**32 - 1))
def test_whoever_is_taken_along_or_let_go_nobodys_promise_is_broken(seed: int) -> None:
    world = World(seed)
    for _ in range(world.random.randint(2, 9)):
        if world.aboard and world.random.random() < 0.35:
            world.let_go()
        else:
            world.take_along()
    while world.aboard:
        world.let_go()
    assert replace(world.offer, version=1, updated_at=world.published.updated_at) == world.published


@SOME
@given(st.integers(0, 2**32 - 1))
def test_a_rider_who_waited_is_carried_as_was_agreed_or_refused(seed: int) -> None:
    """Asked before others were taken along, confirmed after: within the promise of then, or a stated refusal."""
    world = World(seed)
    shown = world.candidate()
    if shown is None:
        return
    waiting, _ = shown
    for _ in range(3):
        world.take_along()
    try:
        boarding: Boarding = world.planner.board(world.offer, waiting, NOW)
    except Conflict:
        return
    for agreed, planned in ((waiting.pickup, boarding.booking.pickup), (waiting.dropoff, boarding.booking.dropoff)):
        assert agreed.earliest is None or planned.at >= agreed.earliest
        assert planned.at <= agreed.latest
    world.aboard[waiting.id] = replace(boarding.booking, status=BookingStatus.CONFIRMED, confirmed_at=NOW)
    world._becomes(boarding.offer)


def _moment(at_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at_ms)
