"""Carbon saved by a shared ride."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CarbonFactor:
    """Grams of CO2 equivalent that a car emits per kilometre, and where the figure is from."""

    grams_per_km: float
    source: str

    def saved_g(self, direct_m: float, detour_m: float) -> int:
        """What the rider's own car would have emitted on their direct drive, less the driver's detour; never below 0.

        The detour is what carrying this rider adds to the trip as it is now. Detours of one trip's riders, each added
        to the trip with those before, sum to the whole detour: no saving is counted twice.
        """
        return max(0, round((direct_m - detour_m) / 1000 * self.grams_per_km))

    def saved_with(self, saved_g: int, detour_before_m: float, detour_m: float) -> int:
        """What is saved where a detour has become another; never below 0.

        Of 0 g before nothing is known but that it was not more, so it stays 0.
        """
        if saved_g == 0:
            return 0
        return max(0, saved_g + round((detour_before_m - detour_m) / 1000 * self.grams_per_km))
