"""What every call goes through: authentication, limits, reading, rendering, errors, deadlines.

Never imports handlers. Open `endpoint.py` first.
"""
