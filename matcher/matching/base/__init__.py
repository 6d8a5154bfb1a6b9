"""The room matcher/matching/base/."""
