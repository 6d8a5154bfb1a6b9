"""The demo's morning: the same for everybody on one day, drivable, and at local hours."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from api.cli.demo.world import OFFERS, SEARCHES, day_of_searches, offers, searches, tomorrow, ways_home, zone_of_region
from api.schemas.matches import MatchIn
from api.schemas.offers import OfferIn
from matcher.domain.place import Coordinate
from matcher.roads.region.store import sample_zones

ZONE = ZoneInfo("America/Santiago")
DAY = date(2026, 11, 24)


def test_the_region_is_in_its_own_time_zone() -> None:
    assert zone_of_region(sample_zones()) == ZONE


def test_tomorrow_is_where_the_cars_are() -> None:
    assert tomorrow(datetime(2026, 11, 24, 2, 0, tzinfo=UTC), ZONE) == date(2026, 11, 24)
    assert tomorrow(datetime(2026, 11, 24, 4, 0, tzinfo=UTC), ZONE) == date(2026, 11, 25)


def test_one_day_has_one_morning() -> None:
    assert list(itertools.islice(offers(DAY, ZONE), 100)) == list(itertools.islice(offers(DAY, ZONE), 100))
    assert next(offers(DAY, ZONE)) != next(offers(date(2026, 11, 25), ZONE))


def test_every_body_is_one_that_the_api_takes() -> None:
    for body in itertools.islice(offers(DAY, ZONE), 2 * OFFERS):
        draft = TypeAdapter(OfferIn).validate_json(TypeAdapter(dict).dump_json(body)).to_domain()
        local = draft.departure.astimezone(ZONE)
        assert local.date() == DAY
        assert (6, 0) <= (local.hour, local.minute) <= (9, 30)
        assert local.minute % 5 == 0
        assert (local.second, local.microsecond) == (0, 0)
    for search in searches(DAY, ZONE):
        TypeAdapter(MatchIn).validate_json(TypeAdapter(dict).dump_json(search.body)).to_domain()


def test_people_set_out_from_where_people_live() -> None:
    zones = sample_zones()
    busiest = sorted(zones, key=lambda zone: -zone[1])[: len(zones) // 4]
    lived_in = sum(people for _, people in busiest) / sum(people for _, people in zones)
    drawn = [Coordinate(**body["origin"]) for body in itertools.islice(offers(DAY, ZONE), 2_000)]
    there = sum(min(zones, key=lambda zone: zone[0].distance_m(at)) in busiest for at in drawn) / len(drawn)
    assert there > len(busiest) / len(zones) + 0.5 * (lived_in - len(busiest) / len(zones))


def test_most_drive_home_in_the_evening() -> None:
    morning = list(itertools.islice(offers(DAY, ZONE), OFFERS))
    home = ways_home(morning, DAY)
    assert home == ways_home(morning, DAY)
    assert OFFERS / 2 < len(home) < OFFERS
    left = {(str(body["destination"]), str(body["origin"])) for body in morning}
    for body in home:
        draft = TypeAdapter(OfferIn).validate_json(TypeAdapter(dict).dump_json(body)).to_domain()
        local = draft.departure.astimezone(ZONE)
        assert local.date() == DAY
        assert 14 <= local.hour <= 21
        assert local.minute % 5 == 0
        assert (str(body["origin"]), str(body["destination"])) in left


def test_a_day_of_searches_is_spread_over_the_day() -> None:
    bodies = day_of_searches(DAY, ZONE)
    assert bodies == day_of_searches(DAY, ZONE)
    assert len(bodies) == SEARCHES
    hours = {datetime.fromisoformat(body["departure"]["earliest"]).hour for body in bodies}
    assert len(hours) >= 10
    assert {7, 18} <= hours
    for body in bodies:
        TypeAdapter(MatchIn).validate_json(TypeAdapter(dict).dump_json(body)).to_domain()
