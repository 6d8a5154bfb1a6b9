"""The customizable contraction hierarchy: order, weights, queries, paths and shared road.

Open `order.py` first, then `topology.py`, `customisation.py`, `query.py`.
"""
