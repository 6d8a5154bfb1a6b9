"""Many drives in one call: what loading thousands of offers needs, without a return to Python between two of them."""

from __future__ import annotations

import numba
import numpy as np

from matcher.roads.hierarchy.pack import ends_of_drive, pack_codes
from matcher.roads.hierarchy.summit import summit_query

#: Room for the first drives of a batch; a drive across a country is some 40 to 80 codes.
_CODES_A_DRIVE = 48


@numba.njit(cache=True, nogil=True)
def pack_pairs(
    parent,
    up_first,
    up_tail,
    up_head,
    weight,
    edge_start,
    edge_end,
    edge_forward,
    edge_backward,
    forward_arc,
    backward_arc,
    summit,
    origin_edge,
    origin_at,
    destination_edge,
    destination_at,
    forward,
    backward,
    forward_code,
    backward_code,
    codes,
    entries,
    ways,
):
    """(cost, codes, begin, size) of k drives: drive i is codes[begin[i] : begin[i] + size[i]], as `pack.drive_between` packs it.

    origin_edge … destination_at: (k,) int32, fractions in fixed point. cost: (k,) int64, packed, INFINITE where there is no way
    (and size 0). codes: int32, all drives one after another. begin: (k,) int64. size: (k,) int32. The other arguments
    are those of `pack.drive_between` and `summit.summit_query`.
    """
    k = len(origin_edge)
    cost = np.empty(k, np.int64)
    begin = np.empty(k, np.int64)
    size = np.empty(k, np.int32)
    flat = np.empty(_CODES_A_DRIVE * k, np.int32)
    used = 0
    for i in range(k):
        s, s_at = np.int64(origin_edge[i]), np.int64(origin_at[i])
        t, t_at = np.int64(destination_edge[i]), np.int64(destination_at[i])
        source, target, direct = ends_of_drive(edge_start, edge_end, edge_forward, edge_backward, s, s_at, t, t_at)
        cost[i], first, last, between = summit_query(
            parent, up_first, up_tail, up_head, weight, summit, source, target, direct,
            forward, backward, forward_code, backward_code, codes, entries, ways,
        )  # fmt: skip
        if used + between + 2 > len(flat):
            grown = np.empty(2 * len(flat) + between + 2, np.int32)
            grown[:used] = flat[:used]
            flat = grown
        begin[i] = used
        size[i] = pack_codes(
            edge_forward, forward_arc, backward_arc, s, s_at, t, t_at, source, target, direct, cost[i], first, last,
            codes[:between], flat[used:],
        )  # fmt: skip
        used += size[i]
    return cost, flat[:used].copy(), begin, size
