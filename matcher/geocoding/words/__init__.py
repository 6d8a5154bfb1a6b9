"""The room matcher/geocoding/words/."""
