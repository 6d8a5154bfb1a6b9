"""Settings of match statistics."""

from __future__ import annotations

from pydantic import Field

from matcher.settings.base import Concern


class StatisticsSettings(Concern):
    """Match statistics."""

    stats_write_interval_s: float = Field(
        1.0, gt=0, le=60, description="write interval of search rows; a crash can lose this much of the statistics"
    )
    stats_waiting_rows: int = Field(
        10_000,
        ge=100,
        le=1_000_000,
        description="rows that may wait for the database; further ones are dropped and counted",
    )
    stats_rollup_interval_s: float = Field(10.0, ge=1, le=3600, description="interval of the roll-up job")
    stats_rows_kept_days: float = Field(
        30.0, ge=1, le=3650, description="retention of single searches; their sums stay"
    )
    stats_least_in_cell: int = Field(
        5, ge=2, le=1000, description="cells of the demand map with fewer searches are merged or hidden"
    )
