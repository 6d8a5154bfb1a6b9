"""The room matcher/matching/meeting/."""
