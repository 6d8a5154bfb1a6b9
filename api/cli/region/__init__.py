"""The room api/cli/region/."""
