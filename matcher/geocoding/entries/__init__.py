"""What the gazetteer holds: streets, houses, places and crossings, and their labels.

Open `table.py` first.
"""
