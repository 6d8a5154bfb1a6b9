"""The offer index: numpy columns, written one row at a time, searched without a lock.

Open `index.py` first.
"""
