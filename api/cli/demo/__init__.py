"""`carpool demo`: starts the service, fills it, and shows what each caller sees.

Uses the public API only. Open `run.py` first.
"""
