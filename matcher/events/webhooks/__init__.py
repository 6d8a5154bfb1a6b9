"""Delivery of events to addresses that users register.

Never reaches the service's own network. Open `deliver.py` first; `public_addresses.py` says what may be connected to.
"""
