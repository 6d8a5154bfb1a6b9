"""The PostgreSQL server that a clone runs on.

Open `server.py` first.
"""
