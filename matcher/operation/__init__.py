"""The room matcher/operation/."""
