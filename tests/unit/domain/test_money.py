"""Amounts, and the promise that sharing a cost never becomes earning money."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.errors.tree import InvalidField
from matcher.domain.money import CostRate, Money, decimals_of, fare


@pytest.mark.parametrize(
    ("amount", "currency", "minor"), [("2.5", "EUR", 250), ("250", "CLP", 250), ("1.125", "KWD", 1125), ("0", "EUR", 0)]
)
def test_amounts_are_kept_in_minor_units(amount: str, currency: str, minor: int) -> None:
    money = Money.of(Decimal(amount), currency)
    assert money.minor == minor
    assert money.amount == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("2.505", "EUR"), ("2.5", "CLP"), ("-1", "EUR"), ("NaN", "EUR"), ("Infinity", "EUR"), ("1", "eur"), ("1", "EURO")],
)
def test_what_is_no_amount_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(InvalidField):
        Money.of(Decimal(amount), currency)


def test_a_currency_is_known_by_its_decimals() -> None:
    assert [decimals_of(code) for code in ("EUR", "JPY", "TND")] == [2, 0, 3]


def test_a_price_is_said_with_its_currency() -> None:
    assert str(Money(250, "EUR")) == "2.50 EUR"
    assert str(Money(250, "CLP")) == "250 CLP"


RATE = CostRate(Decimal("0.30"), "EUR", "a test")


def test_the_suggestion_leaves_the_driver_a_share() -> None:
    assert RATE.suggested_seat(4_000_000, 3) == Money(300, "EUR")  # 40 km cost 12 euros, shared by four
    assert RATE.dearest_seat(4_000_000, 3) == Money(400, "EUR")


def test_a_ride_costs_its_part_of_the_trip_and_never_more_than_the_trip() -> None:
    seat = Money(300, "EUR")
    assert fare(seat, 1_000_000, 4_000_000, 1) == Money(75, "EUR")
    assert fare(seat, 1_000_000, 4_000_000, 2) == Money(150, "EUR")
    assert fare(seat, 5_000_000, 4_000_000, 1) == seat


@st.composite
def _rides(draw: st.DrawFn) -> tuple[int, int, list[tuple[int, int, int]]]:
    """(planned trip in cm, seats offered, rides as (from, to, seats) on the road driven), never more aboard than
    there are seats.
    """
    trip = draw(st.integers(1, 20_000_000))
    driven = trip + draw(st.integers(0, 5_000_000))
    seats = draw(st.integers(1, 8))
    cuts = sorted(draw(st.lists(st.integers(0, driven), min_size=2, max_size=12)))
    free = [seats] * (len(cuts) - 1)
    rides = []
    for _ in range(draw(st.integers(0, 12))):
        begin = draw(st.integers(0, len(cuts) - 2))
        end = draw(st.integers(begin + 1, len(cuts) - 1))
        room = min(free[begin:end])
        if room == 0:
            continue
        taken = draw(st.integers(1, room))
        for leg in range(begin, end):
            free[leg] -= taken
        rides.append((cuts[begin], cuts[end], taken))
    return trip, seats, rides


@given(_rides(), st.decimals("0.01", "10", places=4))
def test_riders_never_pay_more_than_the_road_they_ride_costs(
    world: tuple[int, int, list[tuple[int, int, int]]], per_km: Decimal
) -> None:
    trip, seats, rides = world
    rate = CostRate(per_km, "EUR", "a test")
    paid = sum(fare(rate.dearest_seat(trip, seats), end - begin, trip, n).minor for begin, end, n in rides)
    points = sorted({point for begin, end, _ in rides for point in (begin, end)})
    covered = sum(
        high - low
        for low, high in itertools.pairwise(points)
        if any(begin <= low and high <= end for begin, end, _ in rides)
    )
    assert paid <= per_km * covered / 100_000 * 100
