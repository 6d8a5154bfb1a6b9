"""Addresses to places and back: an offline gazetteer of the region, and network geocoders behind one port.

May import matcher.domain, matcher.services.ports, geopy, rapidfuzz, numpy, shapely and aiohttp; never settings, storage or
roads: constructors take plain values. Open `gazetteer.py` first (offline: `search.py` shows every step of a look-up in
order), then `network.py` and `chain.py` (services on the net, and how several geocoders become one).
"""
