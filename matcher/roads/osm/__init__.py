"""Import of OpenStreetMap extracts.

Open `extract.py` first: it shows every step in order.
"""
