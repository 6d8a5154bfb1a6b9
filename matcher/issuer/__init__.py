"""Who signs tokens: the public keys of the issuer whose tokens are believed, fetched from where it publishes them.

May import matcher.services and below, and aiohttp. Open `key_set.py` first.
"""
