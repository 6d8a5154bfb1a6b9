"""Random worlds: a small strongly connected street network, offers on it, and a rider.

Sizes shrink; weights come from a seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st

from matcher.domain.match import MatchRequest, WindowKind
from matcher.domain.money import Money
from matcher.domain.offer import PREFERENCE_KEYS, Offer, OfferStatus
from tests.builders import NOW, Street, a_request, an_offer
from tests.property.bookings import with_bookings

Spot = tuple[int, float]


@dataclass(frozen=True)
class Scenario:
    """A world and a question.

    `batch` is how many overlaps the ranking computes before it looks (small, so that it prunes).
    """

    streets: tuple[Street, ...]
    offers: tuple[Offer, ...]
    request: MatchRequest
    batch: int


@st.composite
def scenarios(draw: st.DrawFn, max_offers: int = 10, vias: bool = True, booked: float = 0.3) -> Scenario:
    """Worlds of two to seven crossings and up to `max_offers` offers; identical, full, past and own offers among them,
    and a share
    `booked` with riders."""
    nodes = draw(st.integers(2, 7))
    extra = draw(st.integers(0, 7))
    count = draw(st.one_of(st.integers(0, max_offers), st.just(max_offers)))
    # In whole seconds, with everything at crossings, limits are met exactly and not only passed.
    round_numbers = draw(st.booleans())
    random_ = random.Random(draw(st.integers(0, 2**32 - 1)))
    return a_scenario(random_, nodes, extra, count, round_numbers=round_numbers, vias=vias, booked=booked)


def a_scenario(
    random_: random.Random, nodes: int, extra: int, count: int, *, round_numbers: bool, vias: bool, booked: float
) -> Scenario:
    """A world of `nodes` crossings and `nodes + extra` streets with `count` offers, a share `booked` of them with
    riders.
    """
    streets = a_town(random_, nodes, extra, round_numbers)
    spots = [a_spot(random_, streets, round_numbers) for _ in range(6)]
    offers: list[Offer] = []
    for number in range(count):
        if offers and random_.random() < 0.2:
            twin = random_.choice(offers)
            offers.append(replace(twin, id=UUID(int=random_.getrandbits(128)), driver_id=f"twin-{number}"))
        else:
            offer = some_offer(random_, streets, spots, number, round_numbers, vias)
            offers.append(with_bookings(random_, streets, spots, offer) if random_.random() < booked else offer)
    request = some_request(random_, streets, spots, round_numbers)
    return Scenario(streets, tuple(offers), request, batch=random_.choice([1, 2, 4, 200]))


def a_town(random_: random.Random, nodes: int, extra: int, round_numbers: bool) -> tuple[Street, ...]:
    """A one-way ring, so that one can get from anywhere to anywhere, and more streets: two-way, one-way, parallel,
    loops, curved.
    """

    def drive_ms() -> int:
        return 1000 * random_.randint(0, 300) if round_numbers else random_.randint(1, 400_000)

    streets = []
    ring = list(range(nodes))
    random_.shuffle(ring)
    for here, there in zip(ring, ring[1:] + ring[:1], strict=True):
        streets.append(Street(here, there, random_.randint(1, 900_000), drive_ms()))
    for _ in range(extra):
        ways = random_.choice([(True, False), (False, True), (True, True), (True, True)])
        streets.append(
            Street(
                random_.randrange(nodes),
                random_.randrange(nodes),
                random_.randint(1, 900_000),
                drive_ms() if ways[0] else None,
                drive_ms() if ways[1] else None,
                bends=((random_.uniform(0, 0.01), random_.uniform(0, 0.1)),) if random_.random() < 0.5 else (),
            )
        )
    random_.shuffle(streets)
    return tuple(streets)


def a_spot(random_: random.Random, streets: Sequence[Street], at_crossing: bool = False) -> Spot:
    """A road position: anywhere along a street, its two ends often."""
    edge = random_.randrange(len(streets))
    if at_crossing or random_.random() < 0.15:
        return edge, random_.choice([0.0, 1.0])
    return edge, random_.random()


def some_price(random_: random.Random, offer: Offer) -> Money | None:
    """What may be asked at 30 cents a kilometre, now and then from when the rate was another, or none was known."""
    dearest = offer.length_cm * 30 // 100_000 // offer.seats_offered
    kind = random_.choice(("none", "none", "free", "named", "named", "dear", "foreign"))
    if kind == "none":
        return None
    minor = {"free": 0, "dear": 2 * dearest + 500}.get(kind, random_.randint(0, dearest))
    return Money(minor, "CHF" if kind == "foreign" else "EUR")


def some_offer(
    random_: random.Random,
    streets: Sequence[Street],
    spots: Sequence[Spot],
    number: int,
    round_numbers: bool,
    vias: bool,
) -> Offer:
    """An offer of any kind, often on spots that others use too."""

    def spot() -> Spot:
        return random_.choice(spots) if random_.random() < 0.4 else a_spot(random_, streets, round_numbers)

    flexibility_s = random_.choice([0, 300, 900, random_.randint(0, 7200)])
    driver_is_woman = random_.random() < 0.5
    offer = an_offer(
        spot(),
        spot(),
        via=[spot() for _ in range(random_.choice([0, 0, 0, 1, 2, 3]))] if vias else (),
        offer_id=UUID(int=random_.getrandbits(128)),
        driver_id="rider" if random_.random() < 0.08 else f"driver-{number}",
        departure=NOW + timedelta(seconds=random_.choice([random_.randint(-1800, 7200), 60 * random_.randint(0, 60)])),
        flexibility_s=flexibility_s,
        seats_left=random_.choice([0, 1, 1, 2, 3, 4]),
        max_detour_s=random_.choice([0, random_.randint(0, 300), random_.randint(0, 1800), 1800, 14_400]),
        max_detour_m=random_.choice([None, None, None, random_.randint(0, 20_000), random_.randint(0, 5_000)]),
        preferences={key: random_.random() < 0.5 for key in PREFERENCE_KEYS if random_.random() < 0.4},
        status=random_.choice([OfferStatus.OPEN] * 9 + [OfferStatus.CANCELLED]),
    )
    # Bookings that are over may have left it moved.
    shift_ms = random_.randint(-1000, 1000) * flexibility_s if random_.random() < 0.2 else 0
    return replace(
        offer,
        departure_shift_ms=shift_ms,
        driver_is_woman=driver_is_woman,
        women_only=driver_is_woman and random_.random() < 0.2,
        price=some_price(random_, offer),
    )


def some_request(
    random_: random.Random, streets: Sequence[Street], spots: Sequence[Spot], round_numbers: bool
) -> MatchRequest:
    """A rider, often where drivers begin or end."""

    def spot() -> Spot:
        return random_.choice(spots) if random_.random() < 0.6 else a_spot(random_, streets, round_numbers)

    origin = spot()
    destination = spot()
    while destination == origin:
        destination = a_spot(random_, streets)
    earliest_ms = random_.choice([-600_000, random_.randint(-600_000, 5_400_000), 60_000 * random_.randint(0, 60)])
    width_ms = random_.choice([0, random_.randint(0, 1_800_000), random_.randint(0, 10_800_000), 14_400_000])
    earliest = NOW + timedelta(milliseconds=earliest_ms)
    request = a_request(
        origin,
        destination,
        earliest=earliest,
        latest=earliest + timedelta(milliseconds=width_ms),
        window_kind=random_.choice([WindowKind.DEPARTURE, WindowKind.ARRIVAL]),
        seats=random_.choice([1, 1, 1, 2, 3]),
        limit=random_.choice([1, 2, 50]),
        preferences={key: random_.random() < 0.5 for key in PREFERENCE_KEYS if random_.random() < 0.4},
    )
    rider_is_woman = random_.random() < 0.5
    return replace(request, rider_is_woman=rider_is_woman, women_only=rider_is_woman and random_.random() < 0.2)
