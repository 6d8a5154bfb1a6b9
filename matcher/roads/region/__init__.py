"""Regions on disk: files, extras, download, speed profiles, meeting places.

Open `store.py` first.
"""
