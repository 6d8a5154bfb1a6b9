"""The room matcher/matching/scan/."""
