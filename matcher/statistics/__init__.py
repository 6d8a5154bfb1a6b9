"""The room matcher/statistics/."""
