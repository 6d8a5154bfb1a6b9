"""The room matcher/check/."""
