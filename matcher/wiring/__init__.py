"""The room matcher/wiring/."""
