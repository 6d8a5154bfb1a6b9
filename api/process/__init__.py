"""The room api/process/."""
