"""What `OfferRepository` promises, kept by PostgreSQL and by the one in memory that use cases are tested with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from matcher.domain.errors.tree import IdempotencyKeyReused, OfferNotFound, OfferNotOpen, StaleVersion
from matcher.domain.idempotency import AnsweredBefore, IdempotencyRequest, KeptAnswer, StoredAnswer
from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.money import Money
from matcher.domain.offer import Doors, Offer, OfferStatus
from matcher.domain.place import Coordinate, Place, RoadPosition
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.index.load_stops import OffersWithStops
from matcher.trips.offers.repository import CurrentState, OfferRepository
from tests.bulk_columns import columns_with_stops_of
from tests.contract.stored_offers import COQUIMBO_TIME, NOW, a_place, a_stored_offer


def _answer(offer: Offer) -> StoredAnswer:
    return StoredAnswer(201, {"Location": f"/v1/offers/{offer.id}"}, b'{"caf\xc3\xa9":\x00true}')


async def _everything(offers: OfferRepository, region: str) -> list[Offer]:
    """All that is OPEN: no offer is of an import without a name."""
    async with offers.open_offers(region, "") as stored:
        return [offer async for chunk in stored.others() for offer in chunk]


async def test_an_offer_comes_back_as_it_was_stored(offers: OfferRepository) -> None:
    stop = Place(
        Coordinate(lat=0.0, lon=0.0), "Null Island 🏝", RoadPosition(edge=0, fraction=0.0), 0.0, address="a «b» 'c'"
    )
    offer = a_stored_offer(
        origin=replace(a_place(), address="Av. La Cantera 1"),
        via=(stop, a_place("Tierras Blancas")),
        max_detour_m=4_000,
        preferences={"smoking": False, "pets": True},
        comment='blue hatchback, "new"; DROP TABLE offers --',
        price=Money(1_250, "CLP"),
    )
    hidden = a_stored_offer(doors=Doors(a_place("Home"), (stop,), a_place("Work"), lead_ms=61_500))
    for stored in (offer, hidden, a_stored_offer(show_door=True)):
        await offers.insert(stored)
        assert await offers.get(stored.id) == stored


@pytest.mark.parametrize(
    "departure",
    [
        datetime(2026, 12, 1, 7, 45, 30, 123456, tzinfo=COQUIMBO_TIME),
        datetime(2026, 12, 1, 7, 45, tzinfo=UTC),
        datetime(2026, 12, 1, 7, 45, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        datetime(2026, 12, 1, 7, 45, tzinfo=ZoneInfo("America/Santiago")),
        datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=ZoneInfo("America/New_York")),
    ],
    ids=str,
)
async def test_a_departure_keeps_its_moment_and_its_offset(offers: OfferRepository, departure: datetime) -> None:
    offer = a_stored_offer(departure=departure)
    await offers.insert(offer)
    kept = (await offers.get(offer.id)).departure
    assert kept.isoformat() == departure.isoformat()
    assert kept.astimezone(UTC) == departure.astimezone(UTC)


async def test_stops_of_bookings_come_back_in_their_order_wherever_the_offer_is_read(offers: OfferRepository) -> None:
    offer = replace(_a_booked_offer(), via=(a_place("between"),))
    await offers.insert(offer)
    await offers.insert(without := a_stored_offer(departure_shift_ms=5))
    assert await offers.get(offer.id) == offer
    assert {o.id: o for o in await _everything(offers, "coquimbo")} == {offer.id: offer, without.id: without}
    page = await offers.list_page(
        driver_id=None, status=None, departure_from=None, departure_to=None, limit=9, after=None
    )
    assert {o.id: o for o in page.items} == {offer.id: offer, without.id: without}
    assert [stop.kind for stop in (await offers.get(offer.id)).stops] == [
        StopKind.ORIGIN, StopKind.PICKUP, StopKind.VIA, StopKind.DROPOFF, StopKind.DESTINATION,
    ]  # fmt: skip


async def test_a_change_replaces_all_stops_and_one_that_is_refused_none(offers: OfferRepository) -> None:
    offer = _a_booked_offer()
    await offers.insert(offer)
    pickup, via, dropoff = offer.booked_stops
    fewer = replace(offer, version=2, booked_stops=(pickup, dropoff), departure_shift_ms=0)
    await offers.update(fewer, expected_version=1)
    with pytest.raises(StaleVersion):
        await offers.update(replace(offer, version=2, booked_stops=(via,)), expected_version=1)
    assert await offers.get(offer.id) == fewer
    none = replace(fewer, version=3, booked_stops=())
    await offers.update(none, expected_version=2)
    assert await offers.get(offer.id) == none
    again = replace(offer, version=4)
    await offers.update(again, expected_version=3)
    assert await offers.get(offer.id) == again


def _a_booked_offer() -> Offer:
    """A rider boards before the driver's own stop and alights after it; one end of the second promise is open."""
    booking, leaves = uuid4(), datetime(2026, 12, 1, 7, 45, 0, 120_000, tzinfo=COQUIMBO_TIME)
    corner = replace(a_place("Ñuble & «O'Higgins»", lat=0.1 + 0.2), address="a corner")
    return a_stored_offer(
        booked_stops=(
            Stop(StopKind.PICKUP, corner, booking, 2, leaves, leaves + timedelta(minutes=7)),
            Stop(StopKind.VIA, a_place("between")),
            Stop(StopKind.DROPOFF, a_place("the end"), booking, 2, None, leaves + timedelta(hours=1)),
        ),
        departure_shift_ms=-1_500,
        seats_left=1,
    )


async def test_an_unknown_offer_is_not_found(offers: OfferRepository) -> None:
    with pytest.raises(OfferNotFound):
        await offers.get(uuid4())


async def test_the_answer_under_a_key_is_given_again_and_nothing_else_is_stored(offers: OfferRepository) -> None:
    call = IdempotencyRequest("alice", "key-1", b"body")
    first, second = a_stored_offer(), a_stored_offer()
    assert await offers.find_answer(call) is None
    await offers.insert(first, KeptAnswer(call, _answer(first)))
    assert await offers.find_answer(call) == _answer(first)
    with pytest.raises(AnsweredBefore) as before:
        await offers.insert(second, KeptAnswer(call, _answer(second)))
    assert before.value.answer == _answer(first)
    with pytest.raises(OfferNotFound):
        await offers.get(second.id)


async def test_a_key_for_another_body_is_refused_and_keys_belong_to_their_owner(offers: OfferRepository) -> None:
    call = IdempotencyRequest("alice", "key-1", b"body")
    first, other = a_stored_offer(), a_stored_offer()
    await offers.insert(first, KeptAnswer(call, _answer(first)))
    assert await offers.find_answer(replace(call, owner="bob")) is None
    with pytest.raises(IdempotencyKeyReused):
        await offers.insert(other, KeptAnswer(replace(call, fingerprint=b"other"), _answer(other)))
    with pytest.raises(IdempotencyKeyReused):
        await offers.find_answer(replace(call, fingerprint=b"other"))
    await offers.insert(other, KeptAnswer(replace(call, owner="bob"), _answer(other)))
    assert await offers.get(other.id) == other


async def test_pages_go_by_departure_then_id_and_miss_nobody(offers: OfferRepository) -> None:
    same_time = [a_stored_offer(id=UUID(int=n + 1)) for n in range(5)]
    later = [a_stored_offer(departure=same_time[0].departure + timedelta(minutes=n + 1)) for n in range(3)]
    for offer in (*later, *reversed(same_time)):
        await offers.insert(offer)
    await offers.insert(a_stored_offer(driver_id="bob"))
    seen: list[Offer] = []
    after: tuple[datetime, UUID] | None = None
    for expected_size in (3, 3, 2):
        page = await offers.list_page(
            driver_id="alice", status=None, departure_from=None, departure_to=None, limit=3, after=after
        )
        assert len(page.items) == expected_size
        seen += page.items
        after = page.next_cursor
    assert after is None
    assert [offer.id for offer in seen] == [offer.id for offer in (*same_time, *later)]


async def test_a_page_that_ends_exactly_at_the_last_offer_has_no_next(offers: OfferRepository) -> None:
    await offers.insert(a_stored_offer())
    page = await offers.list_page(
        driver_id="alice", status=None, departure_from=None, departure_to=None, limit=1, after=None
    )
    assert len(page.items) == 1
    assert page.next_cursor is None


async def test_a_page_keeps_to_driver_status_and_both_ends_of_the_span(offers: OfferRepository) -> None:
    start = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
    by_hour = [a_stored_offer(departure=start + timedelta(hours=n)) for n in range(4)]
    for offer in by_hour:
        await offers.insert(offer)
    await offers.update(replace(by_hour[1], status=OfferStatus.CANCELLED, version=2), expected_version=1)
    others = a_stored_offer(driver_id="bob", departure=start + timedelta(hours=1))
    await offers.insert(others)
    span = {"departure_from": start + timedelta(hours=1), "departure_to": start + timedelta(hours=2)}

    async def found(driver_id: str | None, status: OfferStatus | None) -> set[UUID]:
        page = await offers.list_page(driver_id=driver_id, status=status, limit=10, after=None, **span)
        return {offer.id for offer in page.items}

    assert await found("alice", None) == {by_hour[1].id, by_hour[2].id}
    assert await found("alice", OfferStatus.OPEN) == {by_hour[2].id}
    assert await found("alice", OfferStatus.CANCELLED) == {by_hour[1].id}
    assert await found(None, None) == {by_hour[1].id, by_hour[2].id, others.id}
    assert await found(None, OfferStatus.OPEN) == {by_hour[2].id, others.id}


async def test_a_change_replaces_what_may_change(offers: OfferRepository) -> None:
    offer = a_stored_offer()
    await offers.insert(offer)
    changed = replace(
        offer,
        version=2,
        region="luxembourg",
        region_fingerprint="f2",
        origin=a_place("elsewhere", lat=1.0),
        destination=a_place("nowhere", lat=2.0),
        via=(a_place("between"),),
        departure=datetime(2026, 12, 2, 9, 0, tzinfo=UTC),
        flexibility_s=0,
        seats_offered=8,
        seats_left=0,
        max_detour_s=1_800,
        max_detour_m=0,
        preferences={"music": True},
        comment="now red",
        duration_ms=1,
        length_cm=2,
        updated_at=NOW + timedelta(hours=1),
    )
    await offers.update(changed, expected_version=1)
    assert await offers.get(offer.id) == changed


async def test_a_change_of_a_stale_version_is_refused_and_changes_nothing(offers: OfferRepository) -> None:
    offer = a_stored_offer()
    await offers.insert(offer)
    second = replace(offer, version=2, comment="second")
    await offers.update(second, expected_version=1)
    with pytest.raises(StaleVersion):
        await offers.update(replace(offer, version=2, comment="late"), expected_version=1)
    assert await offers.get(offer.id) == second


async def test_only_an_open_offer_changes(offers: OfferRepository) -> None:
    offer = a_stored_offer()
    await offers.insert(offer)
    await offers.update(replace(offer, version=2, status=OfferStatus.CANCELLED), expected_version=1)
    with pytest.raises(OfferNotOpen):
        await offers.update(replace(offer, version=3), expected_version=2)
    with pytest.raises(StaleVersion):
        await offers.update(replace(offer, version=2), expected_version=1)
    assert (await offers.get(offer.id)).status is OfferStatus.CANCELLED
    with pytest.raises(OfferNotFound):
        await offers.update(a_stored_offer(version=2), expected_version=1)


async def test_trips_that_are_over_become_past_at_most_so_many_at_once(offers: OfferRepository) -> None:
    over = [a_stored_offer(), a_stored_offer()]
    cancelled, still_on = a_stored_offer(), a_stored_offer(flexibility_s=601)
    for offer in (*over, cancelled, still_on):
        await offers.insert(offer)
    await offers.update(replace(cancelled, version=2, status=OfferStatus.CANCELLED), expected_version=1)
    end = over[0].latest_arrival
    assert await offers.mark_past(end) == []
    just_after = end + timedelta(milliseconds=500)
    first = await offers.mark_past(just_after, limit=1)
    second = await offers.mark_past(just_after)
    assert len(first) == 1
    assert {*first, *second} == {offer.id for offer in over}
    assert await offers.mark_past(just_after) == []
    past = await offers.get(over[0].id)
    assert past == replace(over[0], status=OfferStatus.PAST, version=2, updated_at=past.updated_at)
    assert past.updated_at == just_after


async def test_the_stream_is_every_open_offer_of_the_region(offers: OfferRepository) -> None:
    mine = [a_stored_offer(comment=str(n)) for n in range(5)]
    for offer in (*mine, a_stored_offer(region="luxembourg"), cancelled := a_stored_offer()):
        await offers.insert(offer)
    await offers.update(replace(cancelled, version=2, status=OfferStatus.CANCELLED), expected_version=1)
    streamed = await _everything(offers, "coquimbo")
    assert sorted(streamed, key=lambda offer: offer.comment) == mine
    assert await _everything(offers, "nowhere") == []


async def test_the_present_state_of_those_that_exist(offers: OfferRepository) -> None:
    await offers.insert(changed := a_stored_offer())
    stated = {"price": Money(250, "EUR"), "comment": "blue", "preferences": {"pets": True}, "instant_booking": True}
    await offers.insert(untouched := a_stored_offer(seats_left=0, max_detour_m=4_000, **stated))
    await offers.update(replace(changed, version=2, status=OfferStatus.CANCELLED, seats_left=1), expected_version=1)
    assert await offers.current([changed.id, uuid4(), untouched.id]) == {
        changed.id: CurrentState(2, OfferStatus.CANCELLED, 1, changed.length_cm, changed.stated),
        untouched.id: CurrentState(1, OfferStatus.OPEN, 0, untouched.length_cm, untouched.stated),
    }
    assert await offers.current([]) == {}


async def _loaded(
    offers: OfferRepository, region: str, fingerprint: str
) -> tuple[DirectOffers, list[OffersWithStops], list[Offer], int]:
    """(trips without stops as columns, ordered by id; those with stops; the rest; how many there were said to be)."""
    direct: list[DirectOffers] = []
    with_stops: list[OffersWithStops] = []

    async def take(columns: DirectOffers) -> None:
        direct.append(columns)

    async def take_with_stops(columns: OffersWithStops) -> None:
        with_stops.append(columns)

    async with offers.open_offers(region, fingerprint) as stored:
        await stored.direct(take)
        await stored.with_stops(take_with_stops)
        rest = [offer async for chunk in stored.others() for offer in chunk]
        count = stored.count
    parts = direct or [DirectOffers.of([])]
    together = DirectOffers({name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns})
    return together.taken(np.lexsort((together["id_low"], together["id_high"]))), with_stops, rest, count


async def test_what_is_loaded_in_columns_is_what_was_stored(offers: OfferRepository) -> None:
    direct = [
        a_stored_offer(),
        a_stored_offer(
            driver_id="Åsa «Ö» 🚗", seats_left=0, max_detour_m=0, preferences={"smoking": False, "luggage": True}
        ),
        a_stored_offer(
            departure=datetime(2027, 3, 28, 1, 59, 59, 987_654, tzinfo=COQUIMBO_TIME), departure_shift_ms=-3_001
        ),
        a_stored_offer(flexibility_s=0, max_detour_s=14_400, max_detour_m=500_000, preferences={"pets": True}),
        a_stored_offer(
            version=7,
            origin=replace(a_place(), position=RoadPosition(2_000_000_000, 1.0)),
            destination=replace(a_place(), position=RoadPosition(0, 1 / 3)),
        ),
        a_stored_offer(women_only=True, driver_is_woman=True),
        a_stored_offer(driver_is_woman=True),
        a_stored_offer(show_door=True),
        a_stored_offer(doors=Doors(a_place("Home"), (a_place("School"),), a_place("Work"), lead_ms=61_500)),
    ]
    others = [
        a_stored_offer(via=(a_place("between"),)), _a_booked_offer(), a_stored_offer(region_fingerprint="older"),
    ]  # fmt: skip
    cancelled = a_stored_offer()
    for offer in (*direct, *others, cancelled, a_stored_offer(region="luxembourg")):
        await offers.insert(offer)
    await offers.update(replace(cancelled, version=2, status=OfferStatus.CANCELLED), expected_version=1)
    columns, with_stops, rest, count = await _loaded(offers, "coquimbo", "f1")
    expected = DirectOffers.of(sorted(direct, key=lambda offer: offer.id))
    assert columns.columns.keys() == expected.columns.keys()
    for name, column in expected.columns.items():
        loaded = columns[name]
        assert (loaded.tolist(), loaded.dtype) == (column.tolist(), column.dtype), name
    if with_stops:  # a repository may hand them over one by one instead
        expected_stops = columns_with_stops_of(sorted(others[:-1], key=lambda offer: offer.id))
        (found,) = with_stops
        expected_columns, found_columns = (
            {name: column for name, column in vars(given).items() if name != "offers"} | dict(given.offers.columns)
            for given in (expected_stops, found)
        )
        for name, column in expected_columns.items():
            loaded = found_columns[name]
            assert (loaded.tolist(), loaded.dtype) == (column.tolist(), column.dtype), name
        others = others[-1:]
    assert {offer.id: offer for offer in rest} == {offer.id: offer for offer in others}
    assert count == 12
    assert len((await _loaded(offers, "nowhere", "f1"))[0]) == 0


async def test_some_offers_are_read_together_whatever_became_of_them(offers: OfferRepository) -> None:
    for offer in (booked := _a_booked_offer(), cancelled := a_stored_offer(), a_stored_offer()):
        await offers.insert(offer)
    await offers.update(ended := replace(cancelled, version=2, status=OfferStatus.CANCELLED), expected_version=1)
    found = await offers.get_many([booked.id, uuid4(), cancelled.id])
    assert {offer.id: offer for offer in found} == {booked.id: booked, cancelled.id: ended}
    assert await offers.get_many([]) == []


async def test_new_roads_move_positions_and_nothing_that_a_person_has_said(offers: OfferRepository) -> None:
    offer = replace(_a_booked_offer(), via=(a_place("between"),))
    for one in (offer, changed := a_stored_offer(), cancelled := a_stored_offer()):
        await offers.insert(one)
    await offers.update(later := replace(changed, version=2, comment="meanwhile"), expected_version=1)
    await offers.update(ended := replace(cancelled, version=2, status=OfferStatus.CANCELLED), expected_version=1)

    def moved(place: Place) -> Place:
        where = Coordinate(lat=place.coordinate.lat + 0.01, lon=place.coordinate.lon)
        return Place(where, f"{place.label} & Balmaceda", RoadPosition(edge=99, fraction=0.125), 3.25)

    refitted = replace(
        offer,
        region_fingerprint="f2",
        origin=moved(offer.origin),
        via=tuple(moved(place) for place in offer.via),
        destination=moved(offer.destination),
        doors=Doors(offer.origin, offer.via, offer.destination, lead_ms=1000),
        booked_stops=tuple(replace(stop, place=moved(stop.place)) for stop in offer.booked_stops),
        duration_ms=1,
        length_cm=2,
    )
    stale = [replace(one, region_fingerprint="f2", origin=moved(one.origin)) for one in (changed, ended)]
    assert await offers.refit([refitted, *stale]) == 1
    assert await offers.refit([]) == 0
    assert await offers.get(offer.id) == refitted
    assert await offers.get(changed.id) == later
    assert await offers.get(cancelled.id) == ended
