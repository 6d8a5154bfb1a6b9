"""Loops that run beside the service for as long as it runs.

May import matcher.services and below. Each loop survives a database that goes away, and ends when it is cancelled. Open `loop.py` first.
"""
