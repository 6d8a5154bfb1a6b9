"""Scores of candidates, and the best of them.

Open `scoring.py` first.
"""
