"""What people are told: events in the transaction of their cause, numbered and streamed.

Open `feed.py` first, then `store.py`.
"""
