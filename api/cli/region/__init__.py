"""`carpool region …`: adds, downloads, shows and removes regions.

Open `commands.py` first.
"""
