"""The room matcher/postgres/."""
