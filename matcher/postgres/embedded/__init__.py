"""The room matcher/postgres/embedded/."""
