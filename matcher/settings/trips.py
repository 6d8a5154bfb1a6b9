"""Settings of offers, bookings, series and kept requests."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from matcher.settings.base import Concern
from matcher.trips.booking_rules import BookingTerms


class OfferSettings(Concern):
    """What may be published."""

    offer_horizon_days: int = Field(365, ge=1, le=3650, description="how far in advance a trip may be published")
    expiry_interval_s: float = Field(60.0, ge=1, le=3600, description="interval of the job that closes past trips")


class BookingSettings(Concern):
    """What happens between a match and the end of a ride."""

    booking_tolerance_s: int = Field(
        300,
        ge=0,
        le=3600,
        description="maximum change of the agreed boarding and alighting times by later bookings",
    )
    booking_answer_s: int = Field(
        24 * 3600,
        ge=60,
        le=30 * 24 * 3600,
        description="time a driver has to answer a booking before it expires",
    )
    booking_answer_before_s: int = Field(
        1800, ge=0, le=24 * 3600, description="unanswered bookings expire at least this long before the departure"
    )
    booking_complete_after_s: int = Field(
        900, ge=0, le=24 * 3600, description="a ride is completed automatically this long after its agreed end"
    )
    booking_validate_after_s: int = Field(
        48 * 3600,
        ge=60,
        le=90 * 24 * 3600,
        description="a completed ride that nobody contests is validated after this time",
    )
    booking_withdrawals: int = Field(
        3,
        ge=0,
        le=1000,
        description="bookings of one trip that a rider may withdraw within 24 h before further ones are refused; "
        "0 for no limit",
    )
    booking_interval_s: float = Field(10.0, ge=0.05, le=3600, description="interval of the booking job")

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
        28, ge=1, le=180, description="how far in advance the trips of a series can be found and booked"
    )
    series_interval_s: float = Field(
        60.0, ge=0.05, le=3600, description="interval of the job that creates the trips of series"
    )
    series_retry_s: float = Field(
        300.0, ge=1, le=86_400, description="pause before a series whose trips could not be created is retried"
    )


class RequestSettings(Concern):
    """Searches that wait for offers."""

    requests_per_rider: int = Field(20, ge=1, le=1000, description="kept requests per rider")
    requests_interval_s: float = Field(
        0.5, ge=0.05, le=60, description="maximum interval at which changed offers are matched with kept requests"
    )
