"""The room matcher/trips/."""
