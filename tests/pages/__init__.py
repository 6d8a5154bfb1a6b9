"""Pages for people: how they are served, and their stories in a real browser."""
