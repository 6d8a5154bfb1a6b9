"""Everything that can go wrong, as one tree.

May import the standard library only. Open `tree.py` first.
"""
