"""What operators are told: searches, matches, bookings, demand, supply.

Open `read.py` first.
"""
