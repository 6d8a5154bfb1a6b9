"""The room matcher/people/."""
