"""How an address is read: normalisation, abbreviations, similarity, house numbers.

Pure functions over text. Open `text.py` first, then `understanding.py`.
"""
