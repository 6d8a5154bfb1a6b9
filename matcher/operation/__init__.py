"""What keeps the service healthy: rate limits, load shedding, telemetry, compute threads.

Open `telemetry.py` first.
"""
