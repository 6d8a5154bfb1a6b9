"""Distances on the sphere, for arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

EARTH_RADIUS_M = 6_371_008.8  # mean radius R1 of the IUGG

Degrees = npt.NDArray[np.float64] | float


def distances_m(lat_a: Degrees, lon_a: Degrees, lat_b: Degrees, lon_b: Degrees) -> npt.NDArray[np.float64]:
    """Great-circle distances in metres (haversine) between points in degrees; the arguments broadcast."""
    phi_a, phi_b = np.radians(lat_a), np.radians(lat_b)
    half_lambda = np.radians(np.asarray(lon_b) - np.asarray(lon_a)) / 2
    h: Any = np.sin((phi_b - phi_a) / 2) ** 2 + np.cos(phi_a) * np.cos(phi_b) * np.sin(half_lambda) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(1.0, h))), dtype=np.float64)
