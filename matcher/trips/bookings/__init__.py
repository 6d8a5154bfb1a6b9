"""The room matcher/trips/bookings/."""
