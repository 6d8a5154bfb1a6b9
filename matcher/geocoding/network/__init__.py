"""Geocoding services on the network: providers, back-off and cache.

Open `geocoder.py` first.
"""
