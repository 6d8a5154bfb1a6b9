"""The errors of the domain, as one tree.

May import the standard library only. Open `tree.py` first.
"""
