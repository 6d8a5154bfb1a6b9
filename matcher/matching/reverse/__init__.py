"""Kept requests that fit a new offer.

Open `fit.py` first.
"""
