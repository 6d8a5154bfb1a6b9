"""Prices as steps between nothing and all that the drive costs."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from matcher.domain.match import ScorePartName
from matcher.domain.money import CostRate, Money
from matcher.domain.offer import PREFERENCE_KEYS, Offer
from matcher.matching.base.positions import U8
from matcher.matching.base.prices import PRICE_STEPS, price_step
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.index.rows import DRIVER_IS_WOMAN, WOMEN_ONLY
from matcher.matching.index.zones import NOT_ALL_WOMEN
from matcher.matching.rank.scoring import F64, PARTS, part_value
from tests.builders import an_offer

THIRTY_CENTS = CostRate(Decimal("0.30"), "EUR", "a test")
PESOS = CostRate(Decimal(150), "CLP", "a test")


def a_priced(price: Money | None, *, seats: int = 3, length_cm: int = 1_000_000) -> Offer:
    """Ten kilometres, which cost three euros."""
    return replace(an_offer(seats_left=seats), price=price, length_cm=length_cm)


def steps(rate: CostRate | None, *offers: Offer) -> list[int]:
    """Of each offer; the same one by one and all at once."""
    found = [int(step) for step in DirectOffers.of(offers).stated(rate)["price"]]
    assert [price_step(rate, offer.price, offer.seats_offered, offer.length_cm) for offer in offers] == found
    return found


def test_a_price_is_its_part_of_what_the_drive_costs() -> None:
    asked = [Money(cents, "EUR") for cents in (0, 1, 60, 150, 299, 300)]
    assert steps(THIRTY_CENTS, *map(a_priced, asked)) == [0, 1, 51, 128, 254, 255]
    assert steps(PESOS, a_priced(Money(750, "CLP"))) == [128]


def test_without_a_price_the_suggestion_counts() -> None:
    for seats in range(1, 9):
        for length_cm in (1_000_000, 123_457, 40_000_000):
            silent = a_priced(None, seats=seats, length_cm=length_cm)
            named = replace(silent, price=THIRTY_CENTS.suggested_seat(length_cm, seats))
            assert steps(THIRTY_CENTS, silent) == steps(THIRTY_CENTS, named)


def test_one_by_one_is_to_the_last_step_what_all_at_once_is() -> None:
    random_ = random.Random(5)
    for per_km in ("0.30", "0.2796", "0.636", "0.4504669", "13"):
        rate = CostRate(Decimal(per_km), "EUR", "a test")
        offers = []
        for _ in range(400):
            length_cm, seats = (
                random_.choice((random_.randint(0, 10**8), 100_000 * random_.randint(1, 99))),
                random_.randint(1, 8),
            )
            price = Money(random_.randint(0, rate.dearest_seat(length_cm, 1).minor), "EUR")
            offers.append(a_priced(random_.choice((None, price)), seats=seats, length_cm=length_cm))
        steps(rate, *offers)


def test_the_more_seats_share_the_cheaper_the_suggestion() -> None:
    found = steps(THIRTY_CENTS, *(a_priced(None, seats=seats) for seats in range(1, 9)))
    assert found == sorted(found, reverse=True)
    assert found[0] == 128


def test_a_price_that_cannot_be_compared_counts_as_none_and_one_from_dearer_days_as_the_cost() -> None:
    silent, foreign, dear = a_priced(None), a_priced(Money(1, "CHF")), a_priced(Money(100_000, "EUR"))
    assert steps(THIRTY_CENTS, foreign) == steps(THIRTY_CENTS, silent)
    assert steps(THIRTY_CENTS, dear) == [PRICE_STEPS]


def test_where_no_cost_is_known_nothing_is_dearer_than_anything_else() -> None:
    assert steps(None, a_priced(None), a_priced(Money(0, "EUR")), a_priced(Money(250, "EUR"))) == [0, 0, 0]
    assert price_values(np.zeros(1, np.uint8)).tolist() == [1.0]


def price_values(steps: U8) -> F64:
    (part,) = (part for part in PARTS if part.name is ScorePartName.PRICE)
    return np.array([part_value(step / PRICE_STEPS, part.ceiling, part.more_is_better) for step in steps])


def test_free_is_worth_all_and_the_whole_cost_nothing() -> None:
    values = price_values(np.arange(PRICE_STEPS + 1, dtype=np.uint8))
    assert (values[0], values[51], values[-1]) == (1.0, pytest.approx(0.8), 0.0)
    assert (np.diff(values) < 0).all()


def test_who_rides_with_whom_has_bits_that_no_preference_has() -> None:
    assert (1 << len(PREFERENCE_KEYS)) - 1 < WOMEN_ONLY
    assert len({WOMEN_ONLY, DRIVER_IS_WOMAN, NOT_ALL_WOMEN}) == 3
