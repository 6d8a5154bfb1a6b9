"""Every setting, its default and its bounds; one file per concern.

Environment variables begin with CARPOOL_. Open `all.py` first.
"""
