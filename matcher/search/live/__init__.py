"""The served region: its roads and offer index, loaded, followed and replaced while calls run.

Open `region.py` first.
"""
