"""The words of carpooling: frozen dataclasses and errors.

May import the standard library only. Open `offer.py` first, then `match.py`; `errors.py` draws the tree of everything that can go wrong.
"""
