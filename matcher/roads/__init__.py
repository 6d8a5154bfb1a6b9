"""The road network: import from OpenStreetMap, node order, hierarchy, sweeps, paths, snapping, networkx view.

May import matcher.services (ports), matcher.matching and matcher.domain; never storage, geocoding or settings.
Open `network.py` first (the graph), then `engine.py` (what can be asked of it).
"""

from __future__ import annotations

from matcher.matching.base import (
    kernel_version as kernel_version,  # it must be in place before the first kernel is declared
)
