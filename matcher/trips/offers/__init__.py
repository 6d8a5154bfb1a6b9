"""Offers: published, changed, cancelled, expired.

Open `publish.py` first.
"""
