"""Logs, metrics and traces.

Open `logs.py` first, then `metrics.py`.
"""
