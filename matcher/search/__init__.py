"""A rider searches: find, then describe.

Open `find.py` first.
"""
