"""The command line: `carpool …`, one file per command group.

A command imports what it runs when it is called, so that help does not load the engine. Open `__main__.py` first.
"""
