"""Settings of offers, bookings, series and kept requests."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from matcher.settings.base import Concern
from matcher.trips.booking_rules import BookingTerms


class OfferSettings(Concern):
    """What may be published."""

    offer_horizon_days: int = Field(365, ge=1, le=3650, description="how far ahead a trip may be published")
    expiry_interval_s: float = Field(60.0, ge=1, le=3600, description="how often trips that are over are put away")


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
    booking_withdrawals: int = Field(
        3,
        ge=0,
        le=1000,
        description="a rider who has withdrawn so many bookings of one trip within 24 h cannot ask for it again until "
        "then; 0 for no limit",
    )
    booking_interval_s: float = Field(10.0, ge=0.05, le=3600, description="how often the clock looks for such bookings")

    @property
    def terms(self) -> BookingTerms:
        return BookingTerms(
            tolerance=timedelta(seconds=self.booking_tolerance_s),
            answer_within=timedelta(seconds=self.booking_answer_s),
            answer_before=timedelta(seconds=self.booking_answer_before_s),
            completed_after=timedelta(seconds=self.booking_complete_after_s),
            validated_after=timedelta(seconds=self.booking_validate_after_s),
            withdrawals=self.booking_withdrawals,
        )


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


class RequestSettings(Concern):
    """Searches that wait for offers."""

    requests_per_rider: int = Field(20, ge=1, le=1000, description="requests of one rider that may wait at once")
    requests_interval_s: float = Field(
        0.5, ge=0.05, le=60, description="changes of offers are matched with requests at least this often"
    )
