"""The room matcher/search/live/."""
