"""Walking: the foot network, walks within a limit, where cars may stop.

Open `walking.py` first.
"""
