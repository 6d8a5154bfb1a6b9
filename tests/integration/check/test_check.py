"""The check of stored promises on a real database: nothing is wrong with what the service writes, and each kind of
damage is named.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from matcher.check.plain_dijkstra import PlainDijkstra
from matcher.check.promises import CheckPromises, CheckReport, Searches
from matcher.check.store import PostgresStoredOffers
from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.match import MatchRequest
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import Place, RoadPosition
from matcher.matching.index.index import OfferIndex
from matcher.matching.pipeline import Candidate, find_candidates
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.places.where_to_meet import MeetingPlaces
from matcher.roads.engine import RoadEngine
from matcher.trips.offers.store import PostgresOffers
from matcher.wiring.warm import exercise
from tests.builders import NOW, Street, a_ring, an_engine, an_offer
from tests.conftest import OneTransaction

PLAIN, WITH_STOPS, BOOKED = (UUID(int=2**80 + k) for k in range(3))
BOOKING = UUID(int=77)


@pytest.fixture(scope="module")
def engine() -> RoadEngine:
    """A ring of six two-way streets, and one across that is quicker."""
    engine = an_engine([*a_ring(), Street(0, 3, 90_000, 50_000, 50_000)])
    exercise(engine)  # as the service does: reading compiled code from disk would hold up the event loop
    return engine


def _place(engine: RoadEngine, edge: int, fraction: float) -> Place:
    position = RoadPosition(edge, fraction)
    return Place(engine.locate(position), f"street {edge}", position, 0.0)


def _on(engine: RoadEngine, offer: Offer) -> Offer:
    """The offer at its places, with the drive that it would be published with, and all seats free."""
    origin, *via, destination = (
        _place(engine, at.edge, at.fraction)
        for at in (place.position for place in (offer.origin, *offer.via, offer.destination))
    )
    drive = engine.drive([place.position for place in (origin, *via, destination)])
    assert drive is not None
    return replace(
        offer, origin=origin, via=tuple(via), destination=destination,
        duration_ms=drive.duration_ms, length_cm=drive.length_cm,
    )  # fmt: skip


def _with_a_rider(engine: RoadEngine, offer: Offer) -> Offer:
    """Two of three seats taken between two places off the way, promised to the minute."""
    pickup, dropoff = _place(engine, 5, 0.5), _place(engine, 2, 0.75)
    stops = [offer.origin.position, pickup.position, *(place.position for place in offer.via), dropoff.position]
    reached: list[datetime] = []
    for k in (2, len(stops)):
        drive = engine.drive(stops[:k])
        assert drive is not None
        reached.append(offer.departure + timedelta(milliseconds=drive.duration_ms))
    minute = timedelta(minutes=1)
    return replace(
        offer,
        seats_left=1,
        booked_stops=(
            Stop(StopKind.PICKUP, pickup, BOOKING, 2, reached[0] - minute, reached[0] + minute),
            *(Stop(StopKind.VIA, place) for place in offer.via),
            Stop(StopKind.DROPOFF, dropoff, BOOKING, 2, None, reached[1] + minute),
        ),
    )


@pytest.fixture
async def stored(db: OneTransaction, engine: RoadEngine) -> OneTransaction:
    """Three open offers: straight, via a place, and with a rider; and one that is cancelled and false in everything."""
    offers = PostgresOffers(db)
    long_way = _on(engine, an_offer((0, 0.1), (3, 0.6), via=[(1, 0.5)], offer_id=WITH_STOPS, max_detour_m=2_000))
    await offers.insert(_on(engine, an_offer((0, 0.5), (2, 0.5), offer_id=PLAIN)))
    await offers.insert(long_way)
    await offers.insert(_with_a_rider(engine, replace(long_way, id=BOOKED, driver_id="with a rider")))
    await offers.insert(replace(an_offer((0, 0.5), (9, 0.5)), status=OfferStatus.CANCELLED))
    return db


async def _check(connections: OneTransaction, engine: RoadEngine, *, sample: int = 20, seed: int = 1) -> CheckReport:
    index = OfferIndex(engine)

    def search(request: MatchRequest, _places: MeetingPlaces, now: datetime, limit: int) -> Sequence[Candidate]:
        snapshot = index.snapshot(request.rider_id)
        return find_candidates(snapshot, engine, Query.of(request, now), ScoreWeights(), limit).best

    return await _check_with(connections, engine, search, index, sample=sample, seed=seed)


async def _check_with(
    connections: OneTransaction,
    engine: RoadEngine,
    search: Callable[[MatchRequest, MeetingPlaces, datetime, int], Sequence[Candidate]],
    index: OfferIndex | None = None,
    *,
    sample: int = 20,
    seed: int = 1,
) -> CheckReport:
    with ThreadPoolExecutor(2) as executor:
        check = CheckPromises(
            PostgresStoredOffers(connections),
            PlainDijkstra(engine.network),
            Searches(OfferIndex(engine) if index is None else index, search),
            executor,
            region="test",
            fingerprint="fingerprint",
        )
        return await check(NOW, sample=sample, seed=seed)


async def test_what_was_stored_as_it_should_be_is_found_sound(stored: OneTransaction, engine: RoadEngine) -> None:
    report = await _check(stored, engine)
    assert report.violations == []
    assert (report.offers, report.outdated) == (3, 0)
    assert report.searches > 10
    assert report.matches > report.searches
    everything = {
        "version is positive", "positions are on a road", "positions are near their places", "stops reachable in order",
        "drive without riders", "no leg is oversold", "seats left is true", "every rider boards, then alights",
        "driver's own stops are kept", "detour within its budget", "detour within its length", "booked times are kept",
        "departure within flexibility", "match: can be driven", "match: can be made", "match: detour", "match: ride",
        "match: times", "match: window", "match: seats", "match: shared road",
    }  # fmt: skip
    assert set(report.findings.checked) == everything


async def test_the_same_seed_draws_the_same_searches(stored: OneTransaction, engine: RoadEngine) -> None:
    first, again, other = [
        (report.searches, report.matches, report.findings.checked)
        for report in [await _check(stored, engine, seed=seed) for seed in (5, 5, 6)]
    ]
    assert first == again != other


DAMAGE = [
    ("drive without riders", PLAIN, "UPDATE offers SET duration_ms = duration_ms + 1 WHERE id = $1"),
    ("drive without riders", BOOKED, "UPDATE offers SET length_cm = length_cm - 1 WHERE id = $1"),
    ("version is positive", PLAIN, "UPDATE offers SET version = 0 WHERE id = $1"),
    ("seats left is true", PLAIN, "UPDATE offers SET seats_left = 2 WHERE id = $1"),
    ("seats left is true", BOOKED, "UPDATE offers SET seats_left = 3 WHERE id = $1"),
    ("no leg is oversold", BOOKED, "UPDATE offers SET seats_offered = 1, seats_left = 1 WHERE id = $1"),
    ("detour within its budget", BOOKED, "UPDATE offers SET max_detour_s = 1 WHERE id = $1"),
    ("detour within its length", BOOKED, "UPDATE offers SET max_detour_m = 1 WHERE id = $1"),
    ("departure within flexibility", PLAIN, "UPDATE offers SET departure_shift_ms = 901000 WHERE id = $1"),
    ("booked times are kept", BOOKED, "UPDATE offers SET departure_shift_ms = 61000 WHERE id = $1"),
    ("booked times are kept", BOOKED, "UPDATE offers SET departure_shift_ms = -61000 WHERE id = $1"),
    ("booked times are kept", BOOKED,
     "UPDATE offer_stops SET latest_at = latest_at - interval '62 s' WHERE offer_id = $1 AND kind = 'DROPOFF'"),
    ("positions are on a road", PLAIN, "UPDATE offers SET destination_edge = 7 WHERE id = $1"),
    ("positions are on a road", BOOKED, "UPDATE offer_stops SET edge = 700 WHERE offer_id = $1 AND kind = 'PICKUP'"),
    ("positions are near their places", PLAIN, "UPDATE offers SET origin_lat = origin_lat + 0.0001 WHERE id = $1"),
    ("positions are near their places", WITH_STOPS,
     "UPDATE offers SET via = jsonb_set(via, '{0,fraction}', '0.4') WHERE id = $1"),
    ("every rider boards, then alights", BOOKED, "DELETE FROM offer_stops WHERE offer_id = $1 AND kind = 'DROPOFF'"),
    ("every rider boards, then alights", BOOKED,
     "UPDATE offer_stops SET seats = 1 WHERE offer_id = $1 AND kind = 'DROPOFF'"),
    ("every rider boards, then alights", BOOKED,
     "UPDATE offer_stops SET position = 4 - position + 10 WHERE offer_id = $1"),
    (
        "every rider boards, then alights",
        BOOKED,
        """
        WITH moved AS (UPDATE offer_stops SET position = 5 WHERE offer_id = $1 AND kind = 'DROPOFF')
        INSERT INTO offer_stops
        SELECT
            offer_id, 4, kind, lat, lon, label, address, edge, fraction, road_distance_m, booking_id, seats,
            earliest_at, latest_at
        FROM offer_stops WHERE offer_id = $1 AND kind = 'PICKUP'
        """,
    ),
    ("driver's own stops are kept", BOOKED, "DELETE FROM offer_stops WHERE offer_id = $1 AND kind = 'VIA'"),
    ("can be read", PLAIN, "UPDATE offers SET origin_lat = 91 WHERE id = $1"),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "offer_id", "damage"), DAMAGE)
async def test_damage_is_found_and_named(
    stored: OneTransaction, engine: RoadEngine, promise: str, offer_id: UUID, damage: str
) -> None:
    await stored.only.execute(
        "ALTER TABLE offers DROP CONSTRAINT offers_version_positive, DROP CONSTRAINT offers_origin_on_earth"
    )
    assert await stored.only.execute(damage, offer_id) != "UPDATE 0"
    report = await _check(stored, engine, sample=5)
    assert (promise, offer_id) in {(found.promise, found.offer_id) for found in report.violations}
    assert {found.offer_id for found in report.violations if found.search is None} == {offer_id}


async def test_a_place_that_cannot_be_left_has_no_way(db: OneTransaction) -> None:
    streets = [Street(0, 1, 100_000, 60_000, 60_000), Street(1, 2, 100_000, 60_000)]
    engine = an_engine(streets)
    backwards = replace(_on(engine, an_offer((0, 0.5), (1, 0.5))), id=PLAIN)
    await PostgresOffers(db).insert(replace(backwards, origin=backwards.destination, destination=backwards.origin))
    [found] = (await _check(db, engine)).violations
    assert (found.promise, found.offer_id) == ("stops reachable in order", PLAIN)


async def test_offers_of_an_older_import_are_passed_over_and_counted(
    stored: OneTransaction, engine: RoadEngine
) -> None:
    await stored.only.execute("UPDATE offers SET region_fingerprint = 'older', duration_ms = 1 WHERE id = $1", PLAIN)
    report = await _check(stored, engine)
    assert (report.offers, report.outdated, report.violations) == (2, 1, [])


async def test_a_search_that_answers_wrongly_is_found_out(stored: OneTransaction, engine: RoadEngine) -> None:
    def careless(request: MatchRequest, _places: MeetingPlaces, now: datetime, limit: int) -> Sequence[Candidate]:
        index = OfferIndex(engine)
        index.put(_on(engine, an_offer((0, 0.5), (2, 0.5), offer_id=PLAIN)))
        query = replace(Query.of(request, now), earliest_ms=0, latest_ms=2**60)
        best = find_candidates(index.snapshot("rider"), engine, query, ScoreWeights(), limit).best
        return [match._replace(detour_ms=match.detour_ms - 1000) for match in best]

    report = await _check_with(stored, engine, careless)
    assert {(found.promise, found.offer_id) for found in report.violations} == {("match: detour", PLAIN)}
    assert all(found.search is not None for found in report.violations)


async def test_many_offers_are_read_a_page_at_a_time(db: OneTransaction, engine: RoadEngine) -> None:
    random_ = random.Random(1)
    offers = PostgresOffers(db)
    ids = [UUID(int=2**80 + k) for k in range(25)]
    for offer_id in ids:
        await offers.insert(_on(engine, an_offer((0, random_.random()), (3, random_.random()), offer_id=offer_id)))
    found: list[UUID] = []
    after: tuple[datetime, UUID] | None = None
    stored_offers = PostgresStoredOffers(db)
    while True:
        page = await stored_offers.page("test", limit=5, after=after)
        found += [offer.id for offer in page.offers]
        after = page.next_cursor
        if after is None:
            break
    assert found == ids
    assert await stored_offers.count("test") == 25


async def test_every_offer_may_be_drawn_however_small_the_sample(db: OneTransaction, engine: RoadEngine) -> None:
    for edge in range(6):
        await PostgresOffers(db).insert(_on(engine, an_offer((edge, 0.1), (edge, 0.9))))
    drawn: set[int] = set()

    def search(request: MatchRequest, _places: MeetingPlaces, now: datetime, limit: int) -> Sequence[Candidate]:
        drawn.add(request.origin.position.edge)
        return []

    for seed in range(30):
        assert (await _check_with(db, engine, search, sample=1, seed=seed)).searches == 1
    assert drawn == set(range(6))


async def test_a_match_of_an_offer_that_has_changed_since_is_no_violation(
    stored: OneTransaction, engine: RoadEngine
) -> None:
    def outdated(request: MatchRequest, _places: MeetingPlaces, now: datetime, limit: int) -> Sequence[Candidate]:
        index = OfferIndex(engine)
        index.put(_on(engine, an_offer((0, 0.2), (2, 0.5), offer_id=PLAIN, version=7)))
        query = replace(Query.of(request, now), earliest_ms=0, latest_ms=2**60)
        return find_candidates(index.snapshot("rider"), engine, query, ScoreWeights(), limit).best

    report = await _check_with(stored, engine, outdated)
    assert report.searches > 10
    assert (report.matches, report.violations) == (0, [])
