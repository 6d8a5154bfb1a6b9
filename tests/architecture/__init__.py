"""Tests of the house: who may import whom, what words are used, what the locks hold, and whether the documents tell the truth.

Open `test_layers.py` first. Nothing here needs a database or a region.
"""
