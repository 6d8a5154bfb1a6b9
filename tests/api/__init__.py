"""The real application over a socket, on the bundled region and a real PostgreSQL.

Open `live.py` first, then `test_errors.py`.
"""
