"""A search through ports in memory on real (small) roads: what riders are told, and what they are never shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from matcher.domain.errors.tree import (
    DatabaseUnavailable,
    DepartureInPast,
    PlacesTooClose,
    PlaceTooFarFromRoad,
    PlaceUnreachable,
    RoleForbidden,
)
from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.match import MatchAnswer, RequestDraft, TimeWindow, TurnedAway, WindowKind
from matcher.domain.money import CostRate
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import Coordinate, PlaceInput, RoadPosition
from matcher.domain.principal import Principal, Role
from matcher.matching.index.by_time import OfferIndexByTime
from matcher.matching.rank.scoring import ScoreWeights
from matcher.money.carbon import CarbonFactor
from matcher.money.cost_sharing import CostSharing
from matcher.places.resolve import ResolvePlaces
from matcher.places.where_to_meet import WhereToMeet
from matcher.roads.engine import RoadEngine
from matcher.roads.foot.meeting_points import MeetingPoints
from matcher.search.describe import DescribeMatches
from matcher.search.find import SPARE, FindMatches
from matcher.search.resolve import ResolveRequest
from matcher.trips.offers.repository import CurrentState
from matcher.trips.tickets import MatchTokens
from matcher.wiring.warm import exercise
from tests.builders import NOW, Street, a_place, a_ring, an_engine, an_offer
from tests.fakes import GeocoderInMemory, NothingShared, OffersInMemory, SameThread
from tests.polylines import decode_polyline

SANTIAGO = timezone(timedelta(hours=-3))
RIDER = Principal(user="rita", role=Role.RIDER, key_id="k")
Position = tuple[int, float]


class OffersThatChange(OffersInMemory):
    """Offers that somebody else changes just before they are looked at again."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] = lambda: None
        self.looked_up = 0

    async def current(self, offer_ids: Sequence[UUID]) -> dict[UUID, CurrentState]:
        self.looked_up += 1
        self.meanwhile()
        return await super().current(offer_ids)


@dataclass
class Town:
    """Six two-way streets of a minute and a kilometre around a block, with offers on them."""

    engine: RoadEngine
    offers: OffersThatChange
    index: OfferIndexByTime
    tokens: MatchTokens
    find_matches: FindMatches

    def publish(self, offer: Offer) -> Offer:
        self.offers.stored[offer.id] = offer
        self.index.put(offer)
        return offer

    def place(self, position: Position | PlaceInput) -> PlaceInput:
        if isinstance(position, PlaceInput):
            return position
        return PlaceInput(coordinate=self.engine.locate(RoadPosition(*position)))

    async def search(
        self,
        origin: Position | PlaceInput = (0, 0.75),
        destination: Position | PlaceInput = (2, 0.25),
        **changes: object,
    ) -> MatchAnswer:
        fields: dict[str, object] = {
            "origin": self.place(origin),
            "destination": self.place(destination),
            "window": TimeWindow(
                (NOW + timedelta(minutes=30)).astimezone(SANTIAGO), (NOW + timedelta(minutes=90)).astimezone(SANTIAGO)
            ),
            "window_kind": WindowKind.DEPARTURE,
        }
        draft = RequestDraft(**(fields | changes))  # type: ignore[arg-type]  # a builder takes any field by name
        answer = await self.find_matches(draft, RIDER, NOW)
        assert answer.considered == answer.feasible + sum(answer.turned_away.values())
        return answer


async def _nobody(_user: str) -> frozenset[str]:
    return frozenset()


def a_town(streets: Sequence[Street] | None = None, meeting_points: MeetingPoints | None = None) -> Town:
    engine = an_engine(a_ring() if streets is None else streets)
    offers, index, tokens = OffersThatChange(), OfferIndexByTime(engine), MatchTokens(b"s" * 32, timedelta(minutes=15))
    geocoder = GeocoderInMemory({"Market": [engine.locate(RoadPosition(2, 0.25))]})
    places = ResolvePlaces(engine, geocoder, SameThread(), snap_limit_m=1000.0)
    find_matches = FindMatches(
        offers,
        index,
        SameThread(),
        resolve=ResolveRequest(engine, places, NothingShared(), SameThread()),
        where_to_meet=WhereToMeet(engine, meeting_points),
        describe=DescribeMatches(
            engine,
            tokens=tokens,
            carbon=CarbonFactor(200.0, "a test"),
            cost_sharing=CostSharing(CostRate(Decimal("0.30"), "EUR", "a test")),
        ),
        weights=ScoreWeights(),
        hidden_from=_nobody,
    )
    return Town(engine, offers, index, tokens, find_matches)


@pytest.fixture(scope="module", autouse=True)
def _warm_kernels() -> None:
    """As the service does before it is ready: reading compiled code from disk would hold up the event loop."""
    exercise(an_engine(a_ring()))


@pytest.fixture
def town() -> Town:
    return a_town()


async def test_a_rider_on_the_drivers_way_is_told_all_about_the_ride(town: Town) -> None:
    offer = town.publish(an_offer((0, 0.5), (2, 0.5)))
    answer = await town.search()
    (match,) = answer.matches
    assert match.offer_id == offer.id
    assert [match.detour_s, match.detour_m] == pytest.approx([0, 0], abs=0.05)
    assert [match.ride_s, match.ride_m] == pytest.approx([90, 1500], abs=0.05)
    assert match.shared_m == pytest.approx(1500, abs=0.05)
    assert match.overlap == pytest.approx(1.0, abs=1e-4)
    assert match.score == pytest.approx(1.0, abs=1e-4)
    assert match.seats_left == 3
    assert match.co2_saved_g == 300
    assert match.pickup.time == pytest.approx(NOW + timedelta(minutes=60, seconds=15), abs=timedelta(milliseconds=20))
    assert match.dropoff.time - match.pickup.time == timedelta(seconds=match.ride_s)
    assert (answer.considered, answer.feasible, dict(answer.turned_away), answer.hints) == (1, 1, {}, ())
    assert answer.took_ms > 0
    assert {"places", "sweep", "gather", "rank", "check", "describe"} <= set(answer.stages_ms)


async def test_the_meeting_points_are_the_riders_own_and_the_line_is_the_ride_alone(town: Town) -> None:
    """Nobody learns from a match where the driver lives."""
    town.publish(an_offer((0, 0.1), (2, 0.9)))
    (match,) = (await town.search()).matches
    pickup, dropoff = town.engine.locate(RoadPosition(0, 0.75)), town.engine.locate(RoadPosition(2, 0.25))
    assert match.pickup.coordinate.distance_m(pickup) < 1
    assert match.dropoff.coordinate.distance_m(dropoff) < 1
    line = decode_polyline(match.polyline)
    assert [
        point.distance_m(end) < 2 for point, end in zip(line[:: len(line) - 1], (pickup, dropoff), strict=True)
    ] == [
        True,
        True,
    ]
    assert len(line) == 4  # two crossings lie between
    assert (match.pickup.walk_m, match.pickup.walk_s) == (0.0, 0.0)


async def test_times_come_back_in_the_offset_that_the_window_came_in(town: Town) -> None:
    town.publish(an_offer())
    (match,) = (await town.search()).matches
    assert match.pickup.time.utcoffset() == match.dropoff.time.utcoffset() == timedelta(hours=-3)


async def test_labels_are_streets_or_what_the_address_was_resolved_to(town: Town) -> None:
    town.publish(an_offer())
    (match,) = (await town.search((1, 0.25), PlaceInput(address="Market"))).matches
    assert match.pickup.label == "Main Street"
    assert match.dropoff.label == "Market, Equator"


async def test_a_match_id_says_what_was_offered_to_whom(town: Town) -> None:
    offer = town.publish(an_offer(version=4))
    (match,) = (await town.search(seats=2)).matches
    ticket = town.tokens.read(match.match_id, NOW)
    assert (ticket.rider_id, ticket.offer_id, ticket.version, ticket.seats) == ("rita", offer.id, 4, 2)
    for point, meeting_point in ((ticket.pickup, match.pickup), (ticket.dropoff, match.dropoff)):
        assert (point.coordinate, point.time) == (meeting_point.coordinate, meeting_point.time)


async def test_an_arrival_window_is_about_the_dropoff(town: Town) -> None:
    town.publish(an_offer(flexibility_s=0))
    dropoff = NOW + timedelta(minutes=60, seconds=105)
    window = TimeWindow(dropoff - timedelta(seconds=1), dropoff + timedelta(seconds=1))
    (match,) = (await town.search(window=window, window_kind=WindowKind.ARRIVAL)).matches
    assert window.earliest <= match.dropoff.time <= window.latest
    assert (await town.search(window=window)).matches == ()


async def test_a_ride_through_a_stop_of_the_drivers_takes_the_drivers_way_and_does_not_show_it(town: Town) -> None:
    """From edge 0 to edge 5 it is one street back; this driver goes the other way round, by edge 2."""
    town.publish(an_offer((0, 0.6), (5, 0.5), via=[(2, 0.5)], max_detour_s=0))
    (match,) = (await town.search((0, 0.75), (5, 0.25))).matches
    assert match.detour_s == pytest.approx(0, abs=0.01)
    assert match.ride_s == pytest.approx(270, abs=0.01)
    stop = town.engine.locate(RoadPosition(2, 0.5))
    line = decode_polyline(match.polyline)
    assert not any(point.distance_m(stop) < 500 for point in line), "where the car stops in between does not show"


async def test_the_best_come_first_and_no_more_than_asked_for(town: Town) -> None:
    offers = [
        town.publish(an_offer(departure=NOW + timedelta(hours=1, minutes=30 + k), offer_id=UUID(int=k)))
        for k in range(9)
    ]
    answer = await town.search(limit=4)
    assert [match.offer_id for match in answer.matches] == [offer.id for offer in offers[:4]]
    assert answer.feasible == 9


def _cancelled(offer: Offer) -> Offer:
    return replace(offer, status=OfferStatus.CANCELLED, version=offer.version + 1)


def _changed(offer: Offer) -> Offer:
    return replace(offer, version=offer.version + 1)


def _full(offer: Offer) -> Offer:
    return replace(offer, seats_left=0, version=offer.version + 1)


def _gone(offer: Offer) -> None:
    return None


@pytest.mark.parametrize("change", [_cancelled, _changed, _full, _gone])
async def test_what_changed_meanwhile_is_replaced_by_the_next_best(
    town: Town, change: Callable[[Offer], Offer | None]
) -> None:
    best = town.publish(an_offer(offer_id=UUID(int=1)))
    second = town.publish(an_offer(offer_id=UUID(int=2)))

    def meanwhile() -> None:
        changed = change(town.offers.stored.pop(best.id))
        if changed is not None:
            town.offers.stored[best.id] = changed
        town.offers.meanwhile = lambda: None

    town.offers.meanwhile = meanwhile
    answer = await town.search(limit=1)
    assert [match.offer_id for match in answer.matches] == [second.id]
    assert answer.turned_away == {TurnedAway.CHANGED: 1}
    assert (answer.feasible, answer.considered) == (1, 2)


async def test_seats_that_are_free_on_the_riders_own_legs_are_enough(town: Town) -> None:
    """Somebody rides along the first street only: behind it the whole car is free."""
    booking = UUID(int=7)
    offer = an_offer((0, 0.5), (2, 0.5), seats_left=3, max_detour_s=0)
    town.publish(
        replace(
            offer,
            duration_ms=120_000,
            length_cm=200_000,
            seats_left=1,
            booked_stops=(
                Stop(StopKind.PICKUP, a_place(0, 0.6), booking, 2),
                Stop(StopKind.DROPOFF, a_place(1, 0.1), booking, 2),
            ),
        )
    )
    answer = await town.search((1, 0.25), (2, 0.25), seats=3)
    (match,) = answer.matches
    assert (match.seats_left, dict(answer.turned_away)) == (3, {})
    assert (await town.search((0, 0.75), (2, 0.25), seats=2)).turned_away == {TurnedAway.DETOUR: 1}
    (aboard,) = (await town.search((0, 0.75), (2, 0.25), seats=1)).matches
    assert aboard.seats_left == 1


async def test_when_all_spares_have_changed_the_search_is_made_again(town: Town) -> None:
    count = 3 * (SPARE + 2)
    offers = [town.publish(an_offer(offer_id=UUID(int=k))) for k in range(count)]
    for offer in offers[:-1]:
        town.offers.stored[offer.id] = _cancelled(offer)  # and nobody has told the index
    answer = await town.search(limit=2)
    assert [match.offer_id for match in answer.matches] == [offers[-1].id]
    assert town.offers.looked_up > 1
    assert answer.turned_away == {TurnedAway.CHANGED: count - 1}


async def test_when_everything_has_changed_nothing_is_shown(town: Town) -> None:
    offer = town.publish(an_offer())
    town.offers.stored.clear()
    answer = await town.search()
    assert (answer.matches, answer.feasible) == ((), 0)
    assert answer.turned_away == {TurnedAway.CHANGED: 1}
    assert len(town.index) == 1
    assert offer.id not in town.offers.stored


async def test_an_empty_answer_tells_what_would_have_helped(town: Town) -> None:
    town.publish(an_offer(departure=NOW + timedelta(hours=2)))
    town.publish(an_offer(seats_left=1))
    answer = await town.search(seats=2)
    assert answer.matches == ()
    assert answer.turned_away == {TurnedAway.OUTSIDE_WINDOW: 1, TurnedAway.NO_SEATS: 1}
    assert [(hint.code, hint.would_match, hint.amount) for hint in answer.hints] == [
        ("widen_window", 1, 1800),
        ("fewer_seats", 1, 1),
    ]


async def test_nobody_asks_the_database_about_nothing(town: Town) -> None:
    assert (await town.search()).matches == ()
    assert town.offers.looked_up == 0


@pytest.mark.parametrize("role", [role for role in Role if not Principal("x", role, "k").rides])
async def test_who_does_not_ride_may_not_search(town: Town, role: Role) -> None:
    draft = RequestDraft(
        town.place((0, 0.5)), town.place((2, 0.5)), TimeWindow(NOW, NOW + timedelta(hours=1)), WindowKind.DEPARTURE
    )
    with pytest.raises(RoleForbidden):
        await town.find_matches(draft, Principal("otto", role, "k"), NOW)


@pytest.mark.parametrize("kind", list(WindowKind))
async def test_a_window_that_is_over_is_refused_where_it_stands(town: Town, kind: WindowKind) -> None:
    window = TimeWindow(NOW - timedelta(hours=1), NOW - timedelta(seconds=1))
    with pytest.raises(DepartureInPast) as caught:
        await town.search(window=window, window_kind=kind)
    assert [fault.pointer for fault in caught.value.faults] == [f"/{kind.value}/latest"]


async def test_a_window_that_ends_now_is_not_over(town: Town) -> None:
    assert (await town.search(window=TimeWindow(NOW - timedelta(hours=1), NOW))).matches == ()


async def test_places_are_checked_and_faults_point_at_them(town: Town) -> None:
    far = PlaceInput(coordinate=Coordinate(lat=40.0, lon=40.0))
    with pytest.raises(PlaceTooFarFromRoad) as caught:
        await town.search(origin=far, destination=far)
    assert [fault.pointer for fault in caught.value.faults] == ["/origin", "/destination"]
    with pytest.raises(PlacesTooClose) as too_close:
        await town.search((0, 0.5), (0, 0.5))
    assert [fault.pointer for fault in too_close.value.faults] == ["/destination"]


async def test_a_trip_without_a_way_is_refused() -> None:
    town = a_town([Street(k, k + 1, 100_000, 60_000) for k in range(3)])
    with pytest.raises(PlaceUnreachable):
        await town.search((1, 0.5), (0, 0.5))


async def test_a_database_that_is_away_is_said_so(town: Town) -> None:
    town.publish(an_offer())
    town.offers.away = True
    with pytest.raises(DatabaseUnavailable):
        await town.search()
