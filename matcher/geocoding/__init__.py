"""Addresses to places and back: an offline gazetteer of the region, and network geocoders.

May import matcher.domain, geopy, rapidfuzz, numpy, shapely and aiohttp; constructors take plain values. Open
`gazetteer/search.py` first: it shows every step of a look-up in order.
"""
