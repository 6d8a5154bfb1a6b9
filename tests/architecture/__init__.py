"""Tests of the repository: imports, words, locks, and whether the documents match the code.

Open `test_layers.py` first. Nothing here needs a database or a region.
"""
