"""Carpool matchmaking: domain, matching core, use cases and adapters. Open domain/, then services/, then matching/pipeline.py."""

from __future__ import annotations

from matcher import kernel_cache

# Here, because everything that imports numba passes through this file first.
kernel_cache.settle()
