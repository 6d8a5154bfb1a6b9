"""Bookings: asked for, confirmed, changed, completed.

Open `book.py` first.
"""
