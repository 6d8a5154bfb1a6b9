"""What callers write, as road positions: addresses, snapping, where to meet.

Open `resolve.py` first.
"""
