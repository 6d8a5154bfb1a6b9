"""What a ride costs: amounts of money, and how the cost of a trip is shared so that it stays cost sharing.

A driver who carries others for a share of the cost is no carrier, as long as nobody pays for more than the drive. So
there is one known cost of a kilometre, with its date and source; one price a seat for the whole trip; and a ceiling on
that price.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal

from matcher.domain.errors.tree import InvalidField

#: Decimals of the currencies that do not have two (ISO 4217:2015, list one). A currency of the list that is not here
#: has two.
_DECIMALS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
MAX_AMOUNT = 10**9  # minor units


def decimals_of(currency: str) -> int:
    """How many decimals amounts in a currency have. Raises InvalidField when it is no ISO 4217 code by its form."""
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise InvalidField(f"{currency!r} is not a currency: use an ISO 4217 code such as EUR")
    return _DECIMALS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of at least 0, in minor units of its currency (cents, or pesos where there are none)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        decimals_of(self.currency)
        if not 0 <= self.minor <= MAX_AMOUNT:
            raise InvalidField(f"an amount must be from 0 to {MAX_AMOUNT} minor units")

    @property
    def amount(self) -> Decimal:
        """In units: 2.50 for 250 cents, 250 for 250 pesos."""
        return Decimal(self.minor).scaleb(-decimals_of(self.currency))

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> Money:
        """Raises InvalidField when the amount has more decimals than the currency, is negative, or is too much."""
        minor = amount.scaleb(decimals_of(currency))
        if not amount.is_finite() or minor != minor.to_integral_value():
            raise InvalidField(f"{amount} has too many decimals: {currency} has {decimals_of(currency)}")
        return cls(int(minor), currency)


@dataclass(frozen=True, slots=True)
class CostRate:
    """The full cost of driving a kilometre, in units of a currency, with its start date and its source."""

    per_km: Decimal
    currency: str
    source: str
    since: date | None = None

    def __post_init__(self) -> None:
        decimals_of(self.currency)
        if not (self.per_km.is_finite() and 0 < self.per_km <= 1_000_000):
            raise InvalidField("the cost per kilometre must be a number above 0")

    def suggested_seat(self, trip_cm: int, seats_offered: int) -> Money:
        """What to ask for a seat from end to end: the cost of the drive shared among all seats and the driver's own."""
        return self._share(trip_cm, seats_offered + 1)

    def dearest_seat(self, trip_cm: int, seats_offered: int) -> Money:
        """The most that may be asked for a seat from end to end: the cost of the drive shared among the seats offered.

        Nobody then earns by driving. A rider pays at most the dearest seat times the part of the trip they ride
        (`fare`), rounded down: at most rate / seats_offered for each of their metres. No metre is ridden on more seats
        than are offered, so what all riders pay together is at most rate times the metres driven with riders, which is
        what these metres cost.
        """
        return self._share(trip_cm, seats_offered)

    def _share(self, trip_cm: int, among: int) -> Money:
        cost = self.per_km * trip_cm / 100_000
        minor = (cost / among).scaleb(decimals_of(self.currency)).to_integral_value(ROUND_FLOOR)
        return Money(min(MAX_AMOUNT, int(minor)), self.currency)


def fare(seat: Money, ride_cm: int, trip_cm: int, seats: int) -> Money:
    """The price of `seats` seats along `ride_cm` of a trip of `trip_cm`, when a seat from end to end costs `seat`.

    In proportion to the road ridden, rounded down to the minor unit; never more than the whole trip, as a detour is not
    the rider's to pay for.
    """
    ridden = min(ride_cm, trip_cm)
    return Money(seat.minor * seats * ridden // max(1, trip_cm), seat.currency)
