"""Benchmarks beside baselines, checked against an oracle in the same run.

May import everything; nothing imports it. Open `match.py` first.
"""
