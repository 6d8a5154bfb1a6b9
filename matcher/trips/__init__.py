"""Everything that changes a trip, in one transaction each.

Open `writer.py` first.
"""
