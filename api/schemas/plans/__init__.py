"""What would happen: trips that are not published, and searches that are made again.

May import the rest of api.schemas. Open `would_match.py` first.
"""
