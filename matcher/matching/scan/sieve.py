"""The sieves that every offer goes through, a block at a time: tests that need no roads, then a bound on the detour.

    1. block   its zone map: whole blocks are counted or passed over without a look at their rows (see `zones`)
    2. row     alive, not the searcher's own, window, seats, who may ride with whom; the first that applies is counted
    3. cell    a bound on the detour from two reads of arrays that lie in the nearest cache (see `reach`)
    4. node    the same, sharper, for the few that are left

What is left is tested exactly elsewhere. Every bound is a true one: nothing that could match is lost.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import I32, I64, U8, AnyArray
from matcher.matching.base.reach import (
    CELL_BITS,
    FROM_DROPOFF,
    GROUP_BITS,
    TO_PICKUP,
    Bounds,
    least_between,
    time_of,
)
from matcher.matching.index.rows import DRIVER_IS_WOMAN, WOMEN_ONLY, Sieved
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.index.zones import DIRECT, NOT_ALL_WOMEN, SEVERAL, RowBlocks
from matcher.matching.scan.query import Query, Terms
from matcher.matching.scan.reasons import no_counts

#: Both kinds of offers.
EITHER = DIRECT | SEVERAL
_FIRST_ROOM = 64
#: What a block's zone map tells of all its rows; TOLD and beyond: no row of it is left. See `survey`.
ALL_OPEN, LOOK, TOLD, OUTSIDE, FULL = range(5)


class Sieve(NamedTuple):
    """What goes through, and what is asked. kinds: DIRECT, SEVERAL or both. counts: (1,) COUNTS, added to."""

    kinds: int
    rows: Sieved
    blocks: RowBlocks
    terms: Terms
    counts: AnyArray

    @classmethod
    def of(cls, snapshot: Snapshot, query: Query, kinds: int) -> Sieve:
        """For a query, with counts of its own."""
        return cls(kinds, snapshot.rows.sieved, snapshot.blocks, query.terms, no_counts())


class Queue(NamedTuple):
    """The blocks that have to be looked at, the more promising first.

    codes: of all blocks, as of `survey`. beyond_ms: by how much every row of numbers[i] is at least beyond its budget.
    """

    codes: U8
    numbers: I64
    beyond_ms: I64


class Sifted(NamedTuple):
    """Scratch for one block; `rows`: those that are left, each at least `beyond_ms` beyond its budget (negative:
    within)."""

    state: U8
    rows: I32
    beyond_ms: I32


def near_rows(sieve: Sieve, bounds: Bounds, threshold: int) -> tuple[I64, I64, int]:
    """(rows, by how many ms each is at least beyond its budget, rows considered) of those that may be less than
    `threshold` beyond."""
    found: tuple[I64, I64, int] = list_near(sieve, bounds, threshold)
    return found


@numba.njit(cache=True, nogil=True)
def list_open(sieve, most):
    """(rows that are left by the tests that need no roads, how many, rows considered).

    Ends with more than `most`, which are not listed.
    """
    blocks = sieve.blocks
    alive, block, count = blocks.alive, blocks.size, blocks.row_count
    codes, considered = survey(sieve)
    state = np.empty(block, np.uint8)
    found = np.empty(min(most, count) + 1, np.int64)
    size = 0
    for b in range(len(codes)):
        if codes[b] >= TOLD:
            continue
        plain = codes[b] == ALL_OPEN
        left = np.int64(blocks.alive_count[b])
        if not plain:
            active, left = look(b, sieve, state)
            considered += active
        if size + left > most:
            return found[:0].copy(), size + left, considered
        if left == 0:
            continue
        # Written where the next is open or not, and kept when it is: no branch to guess.
        for row in range(b * block, min(count, b * block + block)):
            found[size] = row
            is_open = (alive[row >> 3] >> (row & 7)) & 1 if plain else state[row - b * block]
            size += is_open != 0
    return found[:size].copy(), size, considered


@numba.njit(cache=True, nogil=True)
def list_near(sieve, bounds, threshold):
    """The rows of `near_rows`."""
    sifted = scratch_of(sieve.blocks.size)
    found = np.empty((_FIRST_ROOM, 2), np.int32)
    queue, considered = blocks_to_look_at(sieve, bounds)
    size = 0
    for i in range(len(queue.numbers)):
        active, near = near_in_block(sieve, bounds, queue, i, threshold, sifted)
        considered += active
        if size + near > len(found):
            more = np.empty((2 * (size + near), 2), np.int32)
            more[:size] = found[:size]
            found = more
        for k in range(near):
            found[size, 0] = sifted.rows[k]
            found[size, 1] = sifted.beyond_ms[k]
            size += 1
    return found[:size, 0].astype(np.int64), found[:size, 1].astype(np.int64), considered


@numba.njit(cache=True, nogil=True)
def scratch_of(block):
    """Scratch for blocks of so many rows."""
    return Sifted(np.empty(block, np.uint8), np.empty(block + 1, np.int32), np.empty(block + 1, np.int32))


@numba.njit(cache=True, nogil=True)
def survey(sieve):
    """(codes, rows considered): (blocks,) uint8, what is left to do for each block after a look at its zone map.

    TOLD and beyond: nothing, its rows are counted, or none is of these kinds and active. ALL_OPEN: all its rows that
    are alive are considered, and left by the tests that need no roads. LOOK: its rows have to be looked at; they are
    not in the count.
    """
    kinds, blocks, counts = sieve.kinds, sieve.blocks, sieve.counts[0]
    block, count = blocks.size, blocks.row_count
    codes = np.full((count + block - 1) // block, ALL_OPEN, np.uint8)
    for row in blocks.own:
        codes[row // block] = LOOK
    for row in blocks.hidden:
        codes[row // block] = LOOK
    # A block that was not full at the time of the snapshot has had rows added since, which its bounds and its count
    # may know of.
    if count % block:
        codes[-1] = LOOK
    considered = np.int64(0)
    for b in range(len(codes)):
        zone = blocks.zones[b]
        if zone.kinds & kinds == 0:
            codes[b] = TOLD
        elif codes[b] == ALL_OPEN and zone.kinds | kinds == kinds:
            here = np.int64(blocks.alive_count[b])
            code = told_by_zone(zone, sieve.terms)
            if code == OUTSIDE:
                counts.outside_window += here
            elif code == FULL:
                counts.no_seats += here
            if code not in (LOOK, TOLD):
                considered += here
            codes[b] = code if here > 0 else TOLD
        else:
            codes[b] = LOOK
    return codes, considered


@numba.njit(cache=True, nogil=True, inline="always")
def told_by_zone(zone, terms):
    """What a zone map tells of all rows of a block that are alive; the tests and their order are those of `admit_rows`.

    TOLD: none is active. OUTSIDE, FULL: all are, and are turned away for their times or seats.
    """
    code = LOOK
    if zone.by_most < terms.now_ms:
        code = TOLD
    elif zone.by_least >= terms.now_ms:
        if zone.from_least > terms.latest_ms or zone.over_most < terms.earliest_ms:
            code = OUTSIDE
        elif zone.from_most <= terms.latest_ms and zone.over_least >= terms.earliest_ms:
            all_ride = terms.rider_is_woman != 0 or zone.women & WOMEN_ONLY == 0
            all_drive = terms.women_only == 0 or zone.women & NOT_ALL_WOMEN == 0
            if zone.seats_most < terms.seats:
                code = FULL
            elif zone.seats_least >= terms.seats and all_ride and all_drive:
                code = ALL_OPEN
    return code


@numba.njit(cache=True, nogil=True)
def blocks_to_look_at(sieve, bounds):
    """(Queue, rows considered). The first blocks tell early how near the nearest miss is, and with it which rows and
    blocks behind them need no look.

    Each node of a block's origins lies between the least and the greatest, so the least over all groups between those
    two is a bound.
    """
    codes, considered = survey(sieve)
    count, direct = len(codes), np.int64(bounds.direct_ms)
    numbers, at_least, beyond = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    least = np.int64(0)
    for b in range(count):
        if codes[b] >= TOLD:
            beyond[b] = np.int64(2**62)
            continue
        zone = sieve.blocks.zones[b]
        there = least_between(bounds.group_to, zone.origin_least >> GROUP_BITS, zone.origin_most >> GROUP_BITS)
        onward = least_between(
            bounds.group_from, zone.destination_least >> GROUP_BITS, zone.destination_most >> GROUP_BITS
        )
        beyond[b] = np.int64(there) + direct + np.int64(onward) - zone.reach_most
        least = min(least, beyond[b])
    size = 0
    # Not a sort: four heaps do.
    above = least - 1
    for upto in (least - least // 4, least // 2, np.int64(0), np.int64(2**62 - 1)):
        for b in range(count):
            if above < beyond[b] <= upto:
                numbers[size], at_least[size] = b, beyond[b]
                size += 1
        above = upto
    return Queue(codes, numbers[:size], at_least[:size]), considered


@numba.njit(cache=True, nogil=True)
def near_in_block(sieve, bounds, queue, i, threshold, sifted):
    """(rows considered, rows listed) of the i-th block of a queue.

    Listed, in `sifted`, are those that may be fewer than `threshold` ms beyond their budget. The others are counted.
    """
    b = queue.numbers[i]
    considered = 0
    left = np.int64(sieve.blocks.alive_count[b])
    plain = queue.codes[b] == ALL_OPEN
    if not plain:
        considered, left = look(b, sieve, sifted.state)
    if left == 0:
        return considered, 0
    near = 0
    if queue.beyond_ms[i] < threshold:
        near = sift(b, plain, sieve, bounds, np.int32(min(threshold, np.int64(2**31 - 1))), sifted)
    sieve.counts[0].detour += left - near
    return considered, near


@numba.njit(cache=True, nogil=True)
def sift(b, plain, sieve, bounds, limit, sifted):
    """How many rows of block b are open and may be fewer than `limit` ms beyond their budget; lists them in
    `sifted`."""
    alive, size = sieve.blocks.alive, sieve.blocks.size
    begin = b * size
    end = min(sieve.blocks.row_count, begin + size)
    here, there = sieve.rows.origin_node[begin:end], sieve.rows.destination_node[begin:end]
    reach_ms, direct = sieve.rows.reach_ms[begin:end], np.int32(bounds.direct_ms)
    distance, cell_to, cell_from = bounds.distance, bounds.cell_to, bounds.cell_from
    state, rows, beyond_ms = sifted.state, sifted.rows, sifted.beyond_ms
    # Two plain loops, so that the first is done several rows at a time, and a row that is out is overwritten by the
    # next.
    for k in range(len(here)):
        beyond_ms[k] = cell_to[here[k] >> CELL_BITS] + cell_from[there[k] >> CELL_BITS] + direct - reach_ms[k]
    kept = 0
    for k in range(len(here)):
        rows[kept] = k
        kept += beyond_ms[k] < limit
    near = 0
    for i in range(kept):
        k = rows[i]
        there_ms, onward_ms = time_of(distance[here[k], TO_PICKUP]), time_of(distance[there[k], FROM_DROPOFF])
        beyond = there_ms + onward_ms + direct - reach_ms[k]
        row = begin + k
        is_open = (alive[row >> 3] >> (row & 7)) & 1 if plain else state[k]
        rows[near] = row
        beyond_ms[near] = beyond
        near += (beyond < limit) & (is_open != 0)
    return near


@numba.njit(cache=True, nogil=True)
def look(b, sieve, state):
    """(rows considered, rows left) of block b, looked at one by one; state[k] is 1 where its k-th row is left. The
    others are counted."""
    alive, size = sieve.blocks.alive, sieve.blocks.size
    begin, end = b * size, min(sieve.blocks.row_count, (b + 1) * size)
    for byte in range((end - begin + 7) >> 3):
        bits = alive[(begin >> 3) + byte]
        for bit in range(8):
            state[8 * byte + bit] = (bits >> bit) & 1
    considered = other_than_these(begin, end, sieve, state)
    active, left = admit_rows(begin, end, sieve, state)
    return considered + active, left


@numba.njit(cache=True, nogil=True)
def other_than_these(begin, end, sieve, state):
    """Take the hidden rows out of a block, and the searcher's own, of which those that are active are counted.

    Returns how many.
    """
    rows, own, hidden = sieve.rows, sieve.blocks.own, sieve.blocks.hidden
    k = np.searchsorted(hidden, begin) if len(hidden) > 0 else 0
    while k < len(hidden) and hidden[k] < end:
        state[hidden[k] - begin] = 0
        k += 1
    mine = 0
    k = np.searchsorted(own, begin) if len(own) > 0 else 0
    while k < len(own) and own[k] < end:
        row = own[k]
        by_ms = rows.departure_ms[row] - rows.shift_ms[row] + np.int64(rows.flexibility_s[row]) * 1000
        kind = DIRECT if rows.leg_count[row] == 1 else SEVERAL
        mine += state[row - begin] != 0 and kind & sieve.kinds != 0 and by_ms >= sieve.terms.now_ms
        state[row - begin] = 0
        k += 1
    sieve.counts[0].own_offer += mine
    return mine


@numba.njit(cache=True, nogil=True)
def admit_rows(begin, end, sieve, state):
    """(rows considered, rows left) of [begin, end), of those whose state is 1; afterwards it is 1 where a row is
    left."""
    # Cut to the block, without branches: then many rows are tested at a time.
    leg_count, departure_ms = sieve.rows.leg_count[begin:end], sieve.rows.departure_ms[begin:end]
    flexibility_s, shift_ms = sieve.rows.flexibility_s[begin:end], sieve.rows.shift_ms[begin:end]
    base_cost, max_detour_ms = sieve.rows.base_cost[begin:end], sieve.rows.max_detour_ms[begin:end]
    seats, stated = sieve.rows.seats[begin:end], sieve.rows.stated[begin:end]
    terms, counts = sieve.terms, sieve.counts[0]
    seats_asked, earliest_ms, latest_ms, now_ms = terms.seats, terms.earliest_ms, terms.latest_ms, terms.now_ms
    wants_direct, wants_several = sieve.kinds & DIRECT != 0, sieve.kinds & SEVERAL != 0
    refused = np.uint8(0 if terms.rider_is_woman else WOMEN_ONLY)
    needed = np.uint8(DRIVER_IS_WOMAN if terms.women_only else 0)
    considered = meeting = roomy = left = 0
    for k in range(end - begin):
        published_ms = departure_ms[k] - shift_ms[k]
        flexibility_ms = np.int64(flexibility_s[k]) * 1000
        by_ms = published_ms + flexibility_ms
        over_ms = by_ms + (base_cost[k] >> 32) + max(np.int64(max_detour_ms[k]), np.int64(0))
        direct = leg_count[k] == 1
        active = (state[k] != 0) & (by_ms >= now_ms) & ((direct & wants_direct) | (~direct & wants_several))
        # The whole trip lies within this span, however late or early it leaves and whatever detour it takes.
        meets = active & (published_ms - flexibility_ms <= latest_ms) & (over_ms >= earliest_ms)
        has_seats = meets & (np.int64(seats[k]) >= seats_asked)
        agrees = has_seats & ((stated[k] & refused) == 0) & ((stated[k] & needed) == needed)
        considered += active
        meeting += meets
        roomy += has_seats
        left += agrees
        state[k] = agrees
    counts.outside_window += considered - meeting
    counts.no_seats += meeting - roomy
    # Like an offer whose driver takes no detour: a reason of its own would show who travels among women.
    counts.detour += roomy - left
    return considered, left
