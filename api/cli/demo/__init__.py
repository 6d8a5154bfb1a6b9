"""The room api/cli/demo/."""
