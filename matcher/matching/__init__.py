"""The matching core: pure, synchronous, deterministic.

May import matcher.domain, numpy and numba only; `now` and randomness are arguments. Open `pipeline.py` first: it
shows every step in order.
"""

from __future__ import annotations

# It must be in place before the first kernel is declared.
from matcher.matching.base import kernel_version as kernel_version
