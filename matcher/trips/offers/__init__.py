"""The room matcher/trips/offers/."""
