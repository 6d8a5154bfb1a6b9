"""The room matcher/trips/series/."""
