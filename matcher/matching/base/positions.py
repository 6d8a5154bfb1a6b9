"""Road positions in integers: where on an edge, and what it costs to get from there to the ends of its arcs.

A packed cost is one int64, `time_ms << 32 | length_cm`: adding packed costs adds both parts, and comparing them
compares times first, then lengths, so that "the fastest way, and of the fastest the shortest" is one number.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from matcher.domain.place import RoadPosition

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[Any]
#: A number in a record of a kernel.
Int = int | np.int64

#: Larger than any distance; two of them can still be added, and a distance on top, without overflow.
INFINITE = np.int64(1 << 61)

#: Fractions of an edge are kept as integers in [0, 2**30], so that offsets are exact and the same everywhere.
FRACTION_BITS = 30
FRACTION_ONE = 1 << FRACTION_BITS
#: The length in a packed cost, in cm; the time is what is left after a shift by 32 bits.
LENGTH_MASK = 0xFFFFFFFF

#: An edge as kernels see it, the columns of `EdgeTable` side by side: a random look-up costs one cache line.
EDGE = np.dtype([(name, np.int64) for name in ("start", "end", "forward", "backward")])


def fraction_to_fixed(fraction: float) -> int:
    """The fixed-point form of a fraction in [0, 1], rounded to the nearest."""
    return min(FRACTION_ONE, max(0, round(fraction * FRACTION_ONE)))


class FixedPosition(NamedTuple):
    """A road position in integers, or many, as arrays of one length."""

    edge: Any
    at: Any  # fixed-point fraction of the edge


class EdgeTable(NamedTuple):
    """Edges as a search sees them.

    Nodes are ranks of the hierarchy; costs are packed, INFINITE where an edge may not be driven.
    The forward arc runs from `start` to `end`, the backward arc from `end` to `start`.
    """

    start: I32  # (e,)
    end: I32  # (e,)
    forward: I64  # (e,) packed cost of the forward arc
    backward: I64  # (e,) packed cost of the backward arc
    together: AnyArray  # (e,) EDGE, the same side by side: a random look-up costs one cache line


@numba.njit(cache=True, nogil=True, inline="always")
def part_of(cost, fixed):
    """`fixed / 2**30` of a packed cost, each half rounded to nearest (halves up). Monotone in `fixed`."""
    time = ((cost >> 32) * fixed + (1 << 29)) >> 30
    length = ((cost & 0xFFFFFFFF) * fixed + (1 << 29)) >> 30
    return (time << 32) | length


@numba.njit(cache=True, nogil=True)
def along_edge(forward, backward, fixed_from, fixed_to):
    """The cost of driving from one position to another without leaving their common edge, or INFINITE."""
    best = INFINITE
    if forward < INFINITE and fixed_from <= fixed_to:
        best = part_of(forward, fixed_to) - part_of(forward, fixed_from)
    if backward < INFINITE and fixed_from >= fixed_to:
        one = np.int64(1) << 30
        cost = part_of(backward, one - fixed_to) - part_of(backward, one - fixed_from)
        best = min(best, cost)
    return best


@numba.njit(cache=True, nogil=True)
def leave(forward, backward, fixed):
    """(cost to the edge's start, cost to its end) of driving off from a position."""
    to_start = to_end = INFINITE
    if forward < INFINITE:
        to_end = forward - part_of(forward, fixed)
    if backward < INFINITE:
        to_start = backward - part_of(backward, (np.int64(1) << 30) - fixed)
    return to_start, to_end


@numba.njit(cache=True, nogil=True)
def reach(forward, backward, fixed):
    """(cost from the edge's start, cost from its end) of driving up to a position."""
    from_start = from_end = INFINITE
    if forward < INFINITE:
        from_start = part_of(forward, fixed)
    if backward < INFINITE:
        from_end = part_of(backward, (np.int64(1) << 30) - fixed)
    return from_start, from_end


def fixed_position(position: RoadPosition) -> FixedPosition:
    """A position in integers."""
    return FixedPosition(position.edge, fraction_to_fixed(position.fraction))


def split_cost(packed: int) -> tuple[int, int]:
    """(time in ms, length in cm) of a finite packed cost."""
    return packed >> 32, packed & LENGTH_MASK
