"""The HTTP edge: what callers send is checked here, handed to one service, and its answer rendered.

May import matcher; nothing imports api. Open `routes.py` first, then `endpoint.py`, which says what every call goes through.
"""
