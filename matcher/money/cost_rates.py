"""What driving a kilometre costs in some countries, by an official figure of each: a table, with dates and sources.

They are rates at which states repay or deduct the use of a private car: fuel, wear, repairs, tyres and insurance. An
operator who knows better sets `CARPOOL_COST_PER_KM`. A country is here when its figure could be verified, and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from matcher.domain.money import CostRate

_KM_PER_MILE = Decimal("1.609344")

#: By country, ISO 3166-1 alpha-2.
RATES: Mapping[str, CostRate] = MappingProxyType(
    {
        "DE": CostRate(
            Decimal("0.30"),
            "EUR",
            "Bundesreisekostengesetz § 5 (2): 30 cents a kilometre by private car",
            date(2005, 9, 1),
        ),
        "FR": CostRate(
            Decimal("0.636"),
            "EUR",
            "Barème kilométrique, 5 CV up to 5,000 km a year (arrêté of 27 March 2023, unchanged in 2026), which "
            "article R3132-1 of the Code des transports names for sharing the cost of a ride",
            date(2023, 3, 27),
        ),
        "GB": CostRate(
            Decimal("0.45") / _KM_PER_MILE,
            "GBP",
            "HMRC approved mileage rate for cars, first 10,000 miles: 45 pence a mile",
            date(2011, 4, 6),
        ),
        "US": CostRate(
            Decimal("0.725") / _KM_PER_MILE,
            "USD",
            "IRS standard mileage rate for 2026: 72.5 cents a mile",
            date(2026, 1, 1),
        ),
    }
)
