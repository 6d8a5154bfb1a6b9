"""Settings of what a ride costs and saves."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field, model_validator

from matcher.settings.base import Concern


class CostSettings(Concern):
    """What driving a kilometre costs. Without these the official rate of the region's country is taken, where one is known."""

    cost_per_km: Decimal | None = Field(
        None, gt=0, le=1_000_000, description="cost of driving a kilometre, all told, that riders share"
    )
    cost_currency: str | None = Field(None, pattern=r"^[A-Z]{3}$", description="its currency, ISO 4217, such as EUR")
    cost_source: str = Field(
        "set by the operator", min_length=1, max_length=300, description="where that figure is from, with its date"
    )

    @model_validator(mode="after")
    def _both_or_neither(self) -> CostSettings:
        if (self.cost_per_km is None) != (self.cost_currency is None):
            raise ValueError("CARPOOL_COST_PER_KM and CARPOOL_COST_CURRENCY go together: set both or neither")
        return self


#: What the settings are when nobody has said anything, whatever the environment says.
DEFAULT_COST = CostSettings.model_construct()
