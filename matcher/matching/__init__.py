"""The matching core: pure, synchronous, deterministic.

May import matcher.domain, numpy and numba only; `now` and randomness are arguments. Open `pipeline.py` first: it shows every step in order.
"""
