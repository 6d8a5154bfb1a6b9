"""Profiles, blocks, who may be shown to whom, and personal data.

Open `women_only.py` first, then `blocks.py`.
"""
