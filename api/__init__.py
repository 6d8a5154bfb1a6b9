"""The HTTP edge and the command line: parse, call one use case, render.

May import matcher; nothing imports api. Open `routes.py` first, then `call/endpoint.py`, which says what every call
goes through.
"""
