"""One file per resource. A handler takes a `Call` that is already checked, calls one service, and renders the answer.

May import api.schemas, api.call.endpoint and matcher. Open `offers.py` first.
"""
