"""The room api/watching/."""
