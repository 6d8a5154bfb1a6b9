"""Pages for people: /ride, /drive and /ops, the files they are made of, and the tiles of their map.

The pages use the public API only. Handlers are in Python, everything else in `static/`. Open `mount.py` first.
"""
