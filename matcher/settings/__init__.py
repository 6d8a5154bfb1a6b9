"""The room matcher/settings/."""
