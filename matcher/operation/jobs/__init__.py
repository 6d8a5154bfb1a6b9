"""Background jobs: rows of one table, which wiring/jobs.py fills in, and the loop that runs them.

Each survives a database that goes away, and ends when it is cancelled. Open `loop.py` first.
"""
