"""The cost of driving that the settings, or the region's country, say."""

from __future__ import annotations

import importlib.resources

import tzfpy

from matcher.domain.money import CostRate
from matcher.domain.place import BoundingBox
from matcher.money.cost_rates import RATES
from matcher.money.cost_sharing import CostSharing
from matcher.settings.cost import CostSettings


def cost_sharing(settings: CostSettings, box: BoundingBox) -> CostSharing:
    """Prices under the rate of the settings, else of the country in the middle of the region, else under none. Reads a small file."""
    if settings.cost_per_km is not None and settings.cost_currency is not None:
        return CostSharing(CostRate(settings.cost_per_km, settings.cost_currency, settings.cost_source))
    return CostSharing(RATES.get(country_at((box.south + box.north) / 2, (box.west + box.east) / 2) or ""))


def country_at(lat: float, lon: float) -> str | None:
    """The country (ISO 3166-1 alpha-2) of a place by its time zone; None at sea. Near a border it may be the neighbour."""
    zone = tzfpy.get_tz(lon, lat)
    table = importlib.resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        fields = line.split("\t")
        if len(fields) >= 3 and fields[2] == zone:
            return fields[0]
    return None
