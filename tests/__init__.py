"""Tests. unit/ mirrors matcher/ without I/O, property/ has Hypothesis and oracles, integration/ a real PostgreSQL, api/
the real app over a socket.

A package, so that `tests.builders` is this one whatever else is installed. Open `conftest.py` for the shared fixtures.
"""
