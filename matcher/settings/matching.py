"""Settings of how matches are computed, ranked and priced."""

from __future__ import annotations

import os
from decimal import Decimal

from pydantic import Field, model_validator

from matcher.settings.base import Concern, Secret


class MatchingSettings(Concern):
    """How matches are computed and ranked. Weights are relative: they are divided by their sum."""

    threads: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1),
        ge=1,
        le=1024,
        description="compute threads; default: one per core",
    )
    weight_detour: float = Field(0.40, ge=0, le=100, description="weight of a small added drive")
    weight_overlap: float = Field(
        0.30, ge=0, le=100, description="weight of road shared with the rider's own best route"
    )
    weight_time: float = Field(0.10, ge=0, le=100, description="weight of a departure as the driver planned it")
    weight_walk: float = Field(0.10, ge=0, le=100, description="weight of a short walk")
    weight_preferences: float = Field(0.05, ge=0, le=100, description="weight of preferences that fit")
    weight_price: float = Field(0.05, ge=0, le=100, description="weight of a price below the cost of driving")
    detour_ceiling_s: float = Field(1800, gt=0, le=86_400, description="added drive that scores 0")
    time_ceiling_s: float = Field(3600, gt=0, le=86_400, description="change of the departure that scores 0")
    walk_ceiling_s: float = Field(1800, gt=0, le=86_400, description="walk that scores 0")
    carbon_g_per_km: float = Field(160.0, ge=0, le=2000, description="grams of CO2 a car emits per kilometre")
    carbon_source: str = Field(
        "IPCC 2006 Guidelines, motor gasoline: 69.3 g CO2/MJ and 44.3 MJ/kg; assumed: 0.745 kg/l, 7.0 l/100 km",
        description="source of that figure",
    )
    match_lifetime_s: int = Field(900, ge=30, le=86_400, description="lifetime of a match_id")
    match_secret: Secret | None = Field(None, description="signs match ids; default: a private file in the data folder")
    match_secret_other: Secret | None = Field(None, description="second secret that is accepted during a rotation")


class CostSettings(Concern):
    """Cost of driving a kilometre. Default: the official rate of the region's country, where one is known."""

    cost_per_km: Decimal | None = Field(
        None, gt=0, le=1_000_000, description="full cost of driving a kilometre, which riders share"
    )
    cost_currency: str | None = Field(None, pattern=r"^[A-Z]{3}$", description="its currency, ISO 4217, such as EUR")
    cost_source: str = Field(
        "set by the operator", min_length=1, max_length=300, description="source of that figure, with its date"
    )

    @model_validator(mode="after")
    def _both_or_neither(self) -> CostSettings:
        if (self.cost_per_km is None) != (self.cost_currency is None):
            raise ValueError("CARPOOL_COST_PER_KM and CARPOOL_COST_CURRENCY go together: set both or neither")
        return self
