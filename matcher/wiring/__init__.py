"""The composition root: settings become use cases.

Nothing but api and tests imports it. Open `service.py` first.
"""
