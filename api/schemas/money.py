"""Money on the wire: an amount in units of its currency, and what prices rest on."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from api.schemas.fields import CURRENCY, Maybe, WireIn, WireOut
from matcher.domain.errors.tree import Fault, InvalidField
from matcher.domain.match import Fare, PriceKind
from matcher.domain.money import CostRate, Money

Currency = Annotated[str, Field(pattern=CURRENCY, description="ISO 4217", examples=["EUR"])]


class PriceIn(WireIn):
    """The driver's price per seat from end to end; 0 for free. It is limited to cost sharing."""

    amount: Annotated[
        float,
        Field(ge=0, le=1_000_000, description="in units of the currency, with at most its decimals", examples=[2.5]),
    ]
    currency: Currency

    def faults(self) -> list[Fault]:
        """More decimals than the currency has."""
        try:
            self.to_domain()
        except InvalidField as error:
            return [Fault("/price/amount", error.detail, InvalidField.code)]
        return []

    def to_domain(self) -> Money:
        """The amount as it was written, not as binary fractions round it."""
        return Money.of(Decimal(repr(self.amount)), self.currency)


class MoneyOut(WireOut):
    """An amount of money."""

    amount: float = Field(ge=0, description="in units of the currency")
    currency: Currency

    @classmethod
    def from_domain(cls, money: Money) -> MoneyOut:
        return cls(amount=float(money.amount), currency=money.currency)


class FareOut(MoneyOut):
    """The price of a ride, all seats together."""

    kind: PriceKind = Field(description="set by the driver, or suggested")

    @classmethod
    def from_fare(cls, fare: Fare) -> FareOut:
        return cls(amount=float(fare.money.amount), currency=fare.money.currency, kind=fare.kind)


class CostOfDrivingOut(WireOut):
    """The cost of driving one kilometre here; all prices are based on it."""

    per_km: float
    currency: Currency
    source: str
    since: Maybe[date] = None

    @classmethod
    def from_domain(cls, rate: CostRate) -> CostOfDrivingOut:
        """Rounded to a hundredth of a cent."""
        return cls.of(rate, per_km=round(float(rate.per_km), 4))


class PriceAdviceOut(WireOut):
    """Advice on the price per seat from end to end."""

    suggested: MoneyOut = Field(
        description="used while the driver sets no price: the cost shared by all seats and the driver"
    )
    dearest: MoneyOut = Field(description="the highest price that is still cost sharing")
    cost_of_driving: CostOfDrivingOut

    @classmethod
    def of_trip(cls, rate: CostRate, trip_cm: int, seats: int) -> PriceAdviceOut:
        """For a trip of this length with so many seats."""
        return cls(
            suggested=MoneyOut.from_domain(rate.suggested_seat(trip_cm, seats)),
            dearest=MoneyOut.from_domain(rate.dearest_seat(trip_cm, seats)),
            cost_of_driving=CostOfDrivingOut.from_domain(rate),
        )
