"""The wire: pydantic models of what callers send and get, each with `to_domain` or `from_domain`.

May import pydantic and matcher.domain. Open `offers.py` first; `fields.py` holds the kinds of numbers, texts and times
that all share. Bodies are strict: an unknown field, a wrong type, a time without an offset or a number that is not
finite is a fault, and every fault of a body is reported at once. A key that is absent from an answer means "none".
"""
