"""What every part of the core stands on: positions, roads, plans, reach, prices, columns.

Open `roads.py` first: it says what the core asks of the road network.
"""
