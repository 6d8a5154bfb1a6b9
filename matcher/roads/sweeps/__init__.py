"""One-to-all and one-to-many drives by linear sweeps over the hierarchy.

Open `one.py` first.
"""
