"""The words of carpooling: frozen dataclasses and errors.

May import the standard library only. Open `offer.py` first, then `match.py`; `errors/tree.py` draws the tree of
everything that can go wrong.
"""
