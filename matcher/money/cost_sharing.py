"""What riders pay: the driver's price where there is one, else a suggestion, and never more than the drive costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from matcher.domain.errors.tree import Fault, InvalidField, PriceNotSupported, PriceTooHigh
from matcher.domain.match import Fare, PriceKind
from matcher.domain.money import CostRate, Money, fare
from matcher.domain.offer import Offer


class PricedTrip(Protocol):
    """What is needed of a trip to price a ride on it."""

    @property
    def price(self) -> Money | None:
        """What the driver asks for a seat from end to end."""

    @property
    def seats_offered(self) -> int:
        """Seats for riders."""

    @property
    def length_cm(self) -> int:
        """The trip without riders."""


class CostSharing:
    """Prices under one cost of a kilometre.

    Without one, rides are free or cost what their driver may not say: nothing is suggested.
    """

    def __init__(self, rate: CostRate | None) -> None:
        self.rate = rate

    def require(self, offer: Offer) -> None:
        """Raises PriceNotSupported, PriceTooHigh or InvalidField when the driver's price exceeds cost sharing."""
        price = offer.price
        if price is None or price.minor == 0:
            return
        if self.rate is None:
            detail = "prices are not supported here (the cost of driving is unknown): offer the ride without a price"
            raise PriceNotSupported.at("/price", detail)
        if price.currency != self.rate.currency:
            raise InvalidField.at("/price/currency", f"prices here must be in {self.rate.currency}")
        dearest = self.rate.dearest_seat(offer.length_cm, offer.seats_offered)
        if price.minor > dearest.minor:
            detail = f"the highest price for this trip is {dearest} per seat: ask for less, or offer fewer seats"
            extra: dict[str, object] = {"dearest": as_json(dearest)}
            raise PriceTooHigh(detail, faults=[Fault("/price/amount", detail, PriceTooHigh.code)], extra=extra)

    def seat(self, trip: PricedTrip) -> Fare | None:
        """What a seat from end to end costs; None where nothing is known."""
        if trip.price is not None:
            return Fare(trip.price, PriceKind.DRIVER)
        if self.rate is None:
            return None
        return Fare(self.rate.suggested_seat(trip.length_cm, trip.seats_offered), PriceKind.SUGGESTED)

    def ride(self, trip: PricedTrip, ride_cm: int, seats: int) -> Fare | None:
        """What `seats` seats cost along `ride_cm` of a trip: in proportion to the road, rounded down.

        None where nothing is known.
        """
        seat = self.seat(trip)
        return None if seat is None else Fare(fare(seat.money, ride_cm, trip.length_cm, seats), seat.kind)


def as_json(money: Money) -> Mapping[str, object]:
    """On the wire: {"amount": 2.5, "currency": "EUR"}."""
    return {"amount": float(money.amount), "currency": money.currency}
