"""Everything that changes a trip, in one transaction each.

Open `alter.py` first.
"""
