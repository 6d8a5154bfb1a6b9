"""API keys and tokens: making, checking, rotating and revoking them.

Open `authenticate.py` first.
"""
