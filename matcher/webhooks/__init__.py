"""Posting to addresses that callers have named, without being led into the network that the service runs in.

May import matcher.domain, matcher.events.ports and aiohttp; never settings or storage. Open `public_addresses.py` first (what may be
connected to), then `sender.py`.
"""
