"""How the service is run: sockets, worker processes, supervision and shutdown.

Open `server.py` first, then `supervisor.py`.
"""
