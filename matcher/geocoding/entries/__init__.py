"""The room matcher/geocoding/entries/."""
