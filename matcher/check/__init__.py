"""Recomputes what offers, matches and bookings promise, from the road graph and the database alone.

Shares no code with the matching pipeline. Open `promises.py` first.
"""
