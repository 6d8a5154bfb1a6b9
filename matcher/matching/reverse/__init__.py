"""The room matcher/matching/reverse/."""
