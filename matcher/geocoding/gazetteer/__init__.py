"""The room matcher/geocoding/gazetteer/."""
