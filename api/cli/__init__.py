"""The room api/cli/."""
