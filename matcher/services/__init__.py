"""Use cases, one file per verb, and the ports they need.

May import matcher.matching and matcher.domain. Async; a service takes what it needs in its constructor, and `now` as an argument.
Open `ports.py` first, then `publish_offer.py` and `find_matches.py`.
"""
