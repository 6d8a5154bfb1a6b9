"""What a kilometre in a seat costs, in steps from nothing to all that driving it costs."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from matcher.domain.money import CostRate, Money, decimals_of
from matcher.matching.base.positions import I32, I64, U8

#: The whole cost of driving: what nobody may ask for more than (`CostRate.dearest_seat` of one seat). Free is 0.
PRICE_STEPS = 255
#: In the place of a driver's price where there is none.
NO_PRICE = -1
_CM_PER_KM = 100_000


def price_steps(
    rate: CostRate | None,
    price_minor: I32,
    price_currency: npt.NDArray[np.bytes_],
    seats_offered: I32,
    length_cm: I64,
) -> U8:
    """(k,) steps of the price of a seat from end to end, the nearest: of the driver's price, or of the suggestion where
    there is none.

    A price in another currency than that of the rate counts as none; one above the cost, from before the rate fell, as
    the cost. Where no cost of driving is known nothing is dearer than anything else: all are 0. price_minor: NO_PRICE
    for none.
    """
    if rate is None:
        return np.zeros(len(length_cm), np.uint8)
    cost = np.maximum(1, length_cm) * _minor_per_km(rate)  # of the trip, times _CM_PER_KM
    named = (price_minor != NO_PRICE) & (price_currency == rate.currency.encode())
    suggested = np.floor(cost / ((seats_offered + 1) * float(_CM_PER_KM)))
    seat = np.where(named, price_minor, suggested)
    steps = np.rint(seat * float(PRICE_STEPS * _CM_PER_KM) / cost)
    return np.minimum(steps, PRICE_STEPS).astype(np.uint8)


def price_step(rate: CostRate | None, price: Money | None, seats_offered: int, length_cm: int) -> int:
    """`price_steps` of one offer, to the last bit, in a tenth of the time."""
    if rate is None:
        return 0
    cost = max(1, length_cm) * _minor_per_km(rate)
    if price is not None and price.currency == rate.currency:
        seat = price.minor
    else:
        seat = math.floor(cost / ((seats_offered + 1) * float(_CM_PER_KM)))
    return min(PRICE_STEPS, round(seat * float(PRICE_STEPS * _CM_PER_KM) / cost))


def _minor_per_km(rate: CostRate) -> float:
    return float(rate.per_km.scaleb(decimals_of(rate.currency)))
