"""How long a detour is at least: 32-bit arithmetic over a handful of columns, before any exact cost is computed.

The ways a driver can leave the origin, and come to the destination, are kept with each row as two (node, milliseconds) pairs, so a bound costs
four look-ups in two small arrays. Times are whole milliseconds and the exact cost compares times first, so for most offers
the bound *is* the detour; it is only less where a stop lies next to the rider's own.
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.positions import INFINITE, EdgeTable, leave, reach

#: Three days of driving, in ms: longer times, and "no way", are cut to this, so that no sum of a bound leaves 32 bits.
FAR = np.int32(1 << 28)


def ways_out(edges: EdgeTable, edge: int, at: int) -> tuple[int, int, int, int]:
    """(node, node, ms, ms): the ends of an edge by which a car leaves a position, and how long it drives to each."""
    return _ways(edges, edge, *leave(edges.forward[edge], edges.backward[edge], at))


def ways_in(edges: EdgeTable, edge: int, at: int) -> tuple[int, int, int, int]:
    """(node, node, ms, ms): the ends of an edge by which a car comes to a position, and how long it drives from each."""
    return _ways(edges, edge, *reach(edges.forward[edge], edges.backward[edge], at))


def _ways(edges: EdgeTable, edge: int, by_start: int, by_end: int) -> tuple[int, int, int, int]:
    start, end = int(edges.start[edge]), int(edges.end[edge])
    # A way that is closed repeats the other's node, which costs no memory access of its own, and is too far to matter.
    if by_start >= INFINITE:
        start = end
    elif by_end >= INFINITE:
        end = start
    return start, end, min(int(by_start) >> 32, int(FAR)), min(int(by_end) >> 32, int(FAR))


@numba.njit(cache=True, nogil=True)
def least_times(distance, edges, pickup_edge, dropoff_edge, to_pickup_ms, from_dropoff_ms):
    """Fill to_pickup_ms and from_dropoff_ms, (n,) int32, with the times of the two columns of `distance`, cut to FAR.

    A stop on the pickup's own edge may do without either end of that edge, and so at the dropoff: whatever touches those ends
    gets a bound that never prunes.
    """
    for v in range(len(distance)):
        to_pickup_ms[v] = min(distance[v, 0] >> 32, FAR)
        from_dropoff_ms[v] = min(distance[v, 1] >> 32, FAR)
    for side in range(2):
        to_pickup_ms[edges[pickup_edge, side]] = -FAR
        from_dropoff_ms[edges[dropoff_edge, side]] = -FAR


@numba.njit(cache=True, nogil=True)
def within_reach(
    begin,
    end,
    open_rows,
    out_a,
    out_b,
    out_a_ms,
    out_b_ms,
    in_a,
    in_b,
    in_a_ms,
    in_b_ms,
    longest_ms,
    to_pickup_ms,
    from_dropoff_ms,
    direct_ms,
    threshold,
    rows,
    beyond_ms,
):
    """How many of rows [begin, end) are open and may be fewer than `threshold` ms beyond their budget; lists them in `rows`.

    open_rows: (end - begin,) uint8, 0 for rows that are out already. longest_ms: drive without riders plus budget. rows,
    beyond_ms: (end - begin + 1,) int32; a listed row is at least beyond_ms beyond its budget (negative: within it).
    """
    direct = np.int32(direct_ms)
    limit = np.int32(min(threshold, np.int64(2**31 - 1)))
    node_a, node_b, a_ms, b_ms = out_a[begin:end], out_b[begin:end], out_a_ms[begin:end], out_b_ms[begin:end]
    longest = longest_ms[begin:end]
    # Two plain loops, so that the first is done several rows at a time; a row that is out is overwritten by the next.
    for k in range(end - begin):
        to_pickup = min(to_pickup_ms[node_a[k]] + a_ms[k], to_pickup_ms[node_b[k]] + b_ms[k])
        beyond_ms[k] = to_pickup + direct - longest[k]
    kept = 0
    for k in range(end - begin):
        at_least = beyond_ms[k]
        rows[kept] = begin + k
        beyond_ms[kept] = at_least
        kept += (at_least < limit) & (open_rows[k] != 0)
    left = 0
    for k in range(kept):
        row = np.uint32(rows[k])
        onward = min(from_dropoff_ms[in_a[row]] + in_a_ms[row], from_dropoff_ms[in_b[row]] + in_b_ms[row])
        at_least = beyond_ms[k] + onward
        rows[left] = row
        beyond_ms[left] = at_least
        left += at_least < limit
    return left
