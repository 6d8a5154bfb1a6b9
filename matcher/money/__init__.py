"""Cost sharing, rates and carbon.

Open `cost_sharing.py` first.
"""
