"""The room matcher/money/."""
