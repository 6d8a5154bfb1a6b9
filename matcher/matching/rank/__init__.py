"""The room matcher/matching/rank/."""
