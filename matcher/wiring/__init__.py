"""The composition root: settings become use cases, each topic in a file of its own, all standing on one `Ground`.

Nothing but api and tests imports it. Open `service.py` first, then `ground.py`.
"""
