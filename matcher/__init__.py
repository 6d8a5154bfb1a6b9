"""Carpool matchmaking.

Open `domain/` first, then `search/find.py`, then `matching/pipeline.py`. A room imports only rooms below it: `make
imports`.
"""

from __future__ import annotations

from matcher import kernel_cache

# Here, because everything that imports numba passes through this file first.
kernel_cache.settle()
