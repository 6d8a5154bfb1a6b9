"""The room matcher/places/."""
