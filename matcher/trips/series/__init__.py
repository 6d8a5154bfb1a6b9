"""Recurring offers and their occurrences.

Open `publish.py` first.
"""
