"""Matching of riders who walk: bounds over all pairs of meeting points, then exact pairs.

Open `scan.py` first.
"""
