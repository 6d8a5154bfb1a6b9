"""Which version of this software runs."""

from __future__ import annotations

import functools
import importlib.metadata

_DISTRIBUTION = "carpool-matcher"


@functools.cache
def version() -> str:
    """The version of this software; "0" when it runs without being installed."""
    try:
        return importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "0"
