"""The room matcher/search/."""
