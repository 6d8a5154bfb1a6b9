"""Kept requests: searches that wait for new offers.

Open `keep.py` first, then `match.py`.
"""
