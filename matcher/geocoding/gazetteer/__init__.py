"""The offline geocoder of a region.

Open `search.py` first: it shows every step of a look-up in order.
"""
