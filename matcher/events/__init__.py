"""The room matcher/events/."""
