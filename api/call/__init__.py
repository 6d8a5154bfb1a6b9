"""The room api/call/."""
