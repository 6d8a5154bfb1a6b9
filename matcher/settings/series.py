"""Settings of series: how far ahead their trips are made."""

from __future__ import annotations

from pydantic import Field

from matcher.settings.base import Concern


class SeriesSettings(Concern):
    """Trips that are made again and again."""

    series_ahead_days: int = Field(
        28, ge=1, le=180, description="how far ahead the trips of a series can be found and booked"
    )
    series_interval_s: float = Field(
        60.0, ge=0.05, le=3600, description="how often the clock looks for series whose next trips are to be made"
    )
    series_retry_s: float = Field(
        300.0, ge=1, le=86_400, description="a series whose trips could not be made is tried again after this long"
    )


#: What the settings are when nobody has said anything, whatever the environment says.
DEFAULT_SERIES = SeriesSettings.model_construct()
