"""Vector tiles of a region, for maps in a browser: what is drawn, how it is built, and how it is read.

May import the other rooms of matcher.roads. Open `build.py` first.
"""
