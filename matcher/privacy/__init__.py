"""Export, erasure and retention of personal data.

Open `personal_data.py` first.
"""
