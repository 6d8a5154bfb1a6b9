"""The room matcher/matching/index/."""
