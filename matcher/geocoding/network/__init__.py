"""The room matcher/geocoding/network/."""
