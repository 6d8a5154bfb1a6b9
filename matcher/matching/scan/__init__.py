"""Scan of all offers for one search: which fit, and why each other one is turned away.

Open `query.py` first, then `gather.py`.
"""
