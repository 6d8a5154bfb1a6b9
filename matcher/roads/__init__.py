"""The road network: import from OpenStreetMap, hierarchy, sweeps, paths, snapping, walking.

May import matcher.matching and matcher.domain. Open `engine.py` first: what can be asked of the roads.
"""

from __future__ import annotations

# It must be in place before the first kernel is declared.
from matcher.matching.base import kernel_version as kernel_version
