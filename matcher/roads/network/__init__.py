"""The road graph, its lines, and snapping of places to it.

Open `graph.py` first.
"""
