"""Settings of bookings: what riders are promised, and what the clock does when nobody does anything."""

from __future__ import annotations

from pydantic import Field

from matcher.settings.base import Concern


class BookingSettings(Concern):
    """What happens between a match and the end of a ride."""

    booking_tolerance_s: int = Field(
        300,
        ge=0,
        le=3600,
        description="boarding and alighting stay within this of what was agreed, whoever is booked later",
    )
    booking_answer_s: int = Field(
        24 * 3600,
        ge=60,
        le=30 * 24 * 3600,
        description="a booking that the driver has not answered lapses after this long",
    )
    booking_answer_before_s: int = Field(
        1800, ge=0, le=24 * 3600, description="or this long before the departure, when that is earlier"
    )
    booking_complete_after_s: int = Field(
        900, ge=0, le=24 * 3600, description="a ride that nobody has completed is, this long after its promised end"
    )
    booking_validate_after_s: int = Field(
        48 * 3600,
        ge=60,
        le=90 * 24 * 3600,
        description="a completed ride that nobody has contested is validated after this long",
    )
    booking_interval_s: float = Field(10.0, ge=0.05, le=3600, description="how often the clock looks for such bookings")


#: What the settings are when nobody has said anything, whatever the environment says.
DEFAULT_BOOKINGS = BookingSettings.model_construct()
