"""The sieves that every offer goes through, a block at a time: tests that need no roads, then a bound on the detour.

    1. block   its zone map: whole blocks are counted or passed over without a look at their rows (see `blocks`)
    2. row     alive, the searcher's own, window, seats, who may ride with whom; in this order, the first that applies is counted
    3. cell    a bound on the detour from two looks into arrays that lie in the nearest cache (see `reach`)
    4. node    the same, sharper, for the few that are left

What is left is tested exactly elsewhere. Every bound is a true one: nothing that could match is lost.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from matcher.matching.base.positions import I64
from matcher.matching.base.reach import CELL_BITS, GROUP_BITS, least_between, time_of
from matcher.matching.index.rows import Snapshot
from matcher.matching.index.zones import (
    BY_LEAST,
    BY_MOST,
    DESTINATION_LEAST,
    DESTINATION_MOST,
    DIRECT,
    DRIVER_IS_WOMAN,
    FROM_LEAST,
    FROM_MOST,
    KINDS,
    NOT_ALL_WOMEN,
    ORIGIN_LEAST,
    ORIGIN_MOST,
    OVER_LEAST,
    OVER_MOST,
    REACH_MOST,
    SEATS_LEAST,
    SEATS_MOST,
    SEVERAL,
    WOMEN,
    WOMEN_ONLY,
)
from matcher.matching.scan.feasible import DETOUR, OWN, PREFERENCES, SEATS, WINDOW
from matcher.matching.scan.query import Query

#: What the tests without roads ask: (seats, earliest_ms, latest_ms, now_ms, women_only, rider_is_woman).
Terms = tuple[int, int, int, int, int, int]
#: Both kinds of offers.
EITHER = DIRECT | SEVERAL
_FIRST_ROOM = 64
#: What a block's zone map leaves to do: see `survey`.
TOLD, ALL_OPEN, LOOK = range(3)


def terms_of(query: Query) -> Terms:
    """Of a query; its window is that of boarding or alighting, whatever the walk."""
    return (query.seats, *query.boarding_ms, query.now_ms, int(query.women_only), int(query.rider_is_woman))


def near_rows(
    snapshot: Snapshot, query: Query, kinds: int, reach: tuple[Any, ...], threshold: int, counts: I64
) -> tuple[I64, I64, int]:
    """(rows, by how many ms each is at least beyond its budget, rows considered) of those that may be less than `threshold` beyond.

    kinds: DIRECT, SEVERAL or both. reach: of `reach.least_times`. counts: (reasons,) int64, added to.
    """
    found: tuple[I64, I64, int] = list_near(
        kinds, snapshot.rows.sieved, snapshot.blocks, terms_of(query), reach, threshold, counts
    )
    return found


@numba.njit(cache=True, nogil=True)
def list_open(kinds, offers, blocks, terms, most, counts):
    """(rows that are left by the tests that need no roads, how many, rows considered); ends with more than `most`, which are not listed."""
    alive, alive_count, block, count = blocks[0], blocks[1], blocks[5], blocks[6]
    codes, considered = survey(kinds, blocks, terms, counts)
    state = np.empty(block, np.uint8)
    found = np.empty(min(most, count) + 1, np.int64)
    size = 0
    for b in range(len(codes)):
        if codes[b] == TOLD:
            continue
        plain = codes[b] == ALL_OPEN
        left = np.int64(alive_count[b])
        if not plain:
            active, left = look(b, kinds, offers, blocks, terms, state, counts)
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
def list_near(kinds, offers, blocks, terms, reach, threshold, counts):
    """The rows of `near_rows`."""
    block = blocks[5]
    state = np.empty(block, np.uint8)
    rows, beyond_ms = np.empty(block + 1, np.int32), np.empty(block + 1, np.int32)
    found = np.empty((_FIRST_ROOM, 2), np.int32)
    codes, considered = survey(kinds, blocks, terms, counts)
    numbers, bounds = blocks_by_promise(codes, blocks, reach)
    size = 0
    for i in range(len(numbers)):
        active, near = near_in_block(
            numbers[i], codes, bounds[i], kinds, offers, blocks, terms, reach, threshold, state, rows, beyond_ms, counts
        )
        considered += active
        if size + near > len(found):
            more = np.empty((2 * (size + near), 2), np.int32)
            more[:size] = found[:size]
            found = more
        for k in range(near):
            found[size, 0] = rows[k]
            found[size, 1] = beyond_ms[k]
            size += 1
    return found[:size, 0].astype(np.int64), found[:size, 1].astype(np.int64), considered


@numba.njit(cache=True, nogil=True)
def survey(kinds, blocks, terms, counts):
    """(codes, rows considered): (blocks,) uint8, what is left to do for each block after a look at its zone map.

    TOLD: nothing, its rows are counted, or none is of these kinds and active. ALL_OPEN: all its rows that are alive are considered, and left
    by the tests that need no roads. LOOK: its rows have to be looked at; they are not in the count.
    """
    alive_count, zones, own, hidden, block, count = blocks[1], blocks[2], blocks[3], blocks[4], blocks[5], blocks[6]
    codes = np.full((count + block - 1) // block, ALL_OPEN, np.uint8)
    for row in own:
        codes[row // block] = LOOK
    for row in hidden:
        codes[row // block] = LOOK
    # A block that was not full at the time of the snapshot has had rows added since, which its bounds and its count may know of.
    if count % block:
        codes[-1] = LOOK
    considered = np.int64(0)
    for b in range(len(codes)):
        zone = zones[b]
        if zone[KINDS] & kinds == 0:
            codes[b] = TOLD
        elif codes[b] == ALL_OPEN and zone[KINDS] | kinds == kinds:
            here = np.int64(alive_count[b])
            codes[b], reason = told_by_zone(zone, terms)
            if reason >= 0:
                counts[reason] += here
            if reason >= 0 or codes[b] == ALL_OPEN:
                considered += here
            if here == 0:
                codes[b] = TOLD
        else:
            codes[b] = LOOK
    return codes, considered


@numba.njit(cache=True, nogil=True, inline="always")
def told_by_zone(zone, terms):
    """(code, reason): what a zone map tells of all rows of a block that are alive; reason: why they are turned away, -1 where they are not,
    or are not active. The tests and their order are those of `admit_rows`."""
    seats_asked, earliest_ms, latest_ms, now_ms, women_only, rider_is_woman = terms
    code, reason = LOOK, -1
    if zone[BY_MOST] < now_ms:
        code = TOLD
    elif zone[BY_LEAST] >= now_ms:
        if zone[FROM_LEAST] > latest_ms or zone[OVER_MOST] < earliest_ms:
            code, reason = TOLD, WINDOW
        elif zone[FROM_MOST] <= latest_ms and zone[OVER_LEAST] >= earliest_ms:
            all_ride = rider_is_woman != 0 or zone[WOMEN] & WOMEN_ONLY == 0
            all_drive = women_only == 0 or zone[WOMEN] & NOT_ALL_WOMEN == 0
            if zone[SEATS_MOST] < seats_asked:
                code, reason = TOLD, SEATS
            elif zone[SEATS_LEAST] >= seats_asked and all_ride and all_drive:
                code = ALL_OPEN
    return code, reason


@numba.njit(cache=True, nogil=True)
def blocks_by_promise(codes, blocks, reach):
    """(numbers, bounds) of the blocks that are not TOLD, int64: by how many ms every row is at least beyond its budget. The more promising
    first: they tell early how near the nearest miss is, and with it which rows and blocks behind them need no look.

    Each node of a block's origins lies between the least and the greatest, so the least over all groups between those two is a bound.
    """
    zones = blocks[2]
    to_ms, from_ms, direct = reach[3], reach[4], np.int64(reach[5])
    numbers, bounds, beyond = (
        np.empty(len(codes), np.int64),
        np.empty(len(codes), np.int64),
        np.empty(len(codes), np.int64),
    )
    least = np.int64(0)
    shift = GROUP_BITS
    for b in range(len(codes)):
        if codes[b] == TOLD:
            beyond[b] = np.int64(2**62)
            continue
        zone = zones[b]
        there = least_between(to_ms, zone[ORIGIN_LEAST] >> shift, zone[ORIGIN_MOST] >> shift)
        onward = least_between(from_ms, zone[DESTINATION_LEAST] >> shift, zone[DESTINATION_MOST] >> shift)
        beyond[b] = np.int64(there) + direct + np.int64(onward) - zone[REACH_MOST]
        least = min(least, beyond[b])
    size = 0
    # Not a sort: four heaps do.
    above = least - 1
    for upto in (least - least // 4, least // 2, np.int64(0), np.int64(2**62 - 1)):
        for b in range(len(codes)):
            if above < beyond[b] <= upto:
                numbers[size], bounds[size] = b, beyond[b]
                size += 1
        above = upto
    return numbers[:size], bounds[:size]


@numba.njit(cache=True, nogil=True)
def near_in_block(b, codes, at_least, kinds, offers, blocks, terms, reach, threshold, state, rows, beyond_ms, counts):
    """(rows considered, rows listed) of block b; listed in `rows`: those that may be fewer than `threshold` ms beyond their budget.

    at_least: of `blocks_by_promise`. state: (block,) uint8 scratch. rows, beyond_ms: (block + 1,) int32; a listed row is at least
    beyond_ms beyond its budget (negative: within it). The others are counted.
    """
    considered = 0
    left = np.int64(blocks[1][b])
    plain = codes[b] == ALL_OPEN
    if not plain:
        considered, left = look(b, kinds, offers, blocks, terms, state, counts)
    if left == 0:
        return considered, 0
    near = 0
    if at_least < threshold:
        begin = b * blocks[5]
        end = min(blocks[6], begin + blocks[5])
        near = sift(
            begin, offers[8][begin:end], offers[9][begin:end], offers[10][begin:end],
            reach[0], reach[1], reach[2], reach[5], np.int32(min(threshold, np.int64(2**31 - 1))),
            blocks[0], plain, state, rows, beyond_ms,
        )  # fmt: skip
    counts[DETOUR] += left - near
    return considered, near


@numba.njit(cache=True, nogil=True)
def sift(
    begin, here, there, reach_ms, distance, cell_to, cell_from, direct, limit, alive, plain, state, rows, beyond_ms
):
    """How many rows of a block are open and may be fewer than `limit` ms beyond their budget; fills rows and beyond_ms with them.

    here, there, reach_ms: the block's part of these columns of the rows.
    """
    # Two plain loops, so that the first is done several rows at a time, and a row that is out is overwritten by the next.
    for k in range(len(here)):
        beyond_ms[k] = cell_to[here[k] >> CELL_BITS] + cell_from[there[k] >> CELL_BITS] + direct - reach_ms[k]
    kept = 0
    for k in range(len(here)):
        rows[kept] = k
        kept += beyond_ms[k] < limit
    near = 0
    for i in range(kept):
        k = rows[i]
        beyond = time_of(distance[here[k], 0]) + time_of(distance[there[k], 1]) + direct - reach_ms[k]
        row = begin + k
        is_open = (alive[row >> 3] >> (row & 7)) & 1 if plain else state[k]
        rows[near] = row
        beyond_ms[near] = beyond
        near += (beyond < limit) & (is_open != 0)
    return near


@numba.njit(cache=True, nogil=True)
def look(b, kinds, offers, blocks, terms, state, counts):
    """(rows considered, rows left) of block b, looked at one by one; state[k] is 1 where its k-th row is left. The others are counted."""
    alive, own, hidden, block, count = blocks[0], blocks[3], blocks[4], blocks[5], blocks[6]
    begin, end = b * block, min(count, (b + 1) * block)
    for byte in range((end - begin + 7) >> 3):
        bits = alive[(begin >> 3) + byte]
        for bit in range(8):
            state[8 * byte + bit] = (bits >> bit) & 1
    considered = other_than_these(begin, end, kinds, offers, own, hidden, terms[3], state, counts)
    active, left = admit_rows(begin, end, kinds, offers, terms, state, counts)
    return considered + active, left


@numba.njit(cache=True, nogil=True)
def other_than_these(begin, end, kinds, offers, own, hidden, now_ms, state, counts):
    """Take the hidden rows out of a block, and the searcher's own, of which those are counted that are active; returns how many."""
    leg_count, departure_ms, flexibility_s, shift_ms = offers[0], offers[1], offers[2], offers[3]
    k = np.searchsorted(hidden, begin) if len(hidden) > 0 else 0
    while k < len(hidden) and hidden[k] < end:
        state[hidden[k] - begin] = 0
        k += 1
    mine = 0
    k = np.searchsorted(own, begin) if len(own) > 0 else 0
    while k < len(own) and own[k] < end:
        row = own[k]
        by_ms = departure_ms[row] - shift_ms[row] + np.int64(flexibility_s[row]) * 1000
        kind = DIRECT if leg_count[row] == 1 else SEVERAL
        mine += state[row - begin] != 0 and kind & kinds != 0 and by_ms >= now_ms
        state[row - begin] = 0
        k += 1
    counts[OWN] += mine
    return mine


@numba.njit(cache=True, nogil=True)
def admit_rows(begin, end, kinds, offers, terms, state, counts):
    """(rows considered, rows left) of [begin, end), of those whose state is 1; afterwards it is 1 where a row is left."""
    # Cut to the block, without branches: then many rows are tested at a time.
    leg_count, departure_ms, flexibility_s = offers[0][begin:end], offers[1][begin:end], offers[2][begin:end]
    shift_ms, base_cost, max_detour_ms = offers[3][begin:end], offers[4][begin:end], offers[5][begin:end]
    seats, stated = offers[6][begin:end], offers[7][begin:end]
    seats_asked, earliest_ms, latest_ms, now_ms, women_only, rider_is_woman = terms
    wants_direct, wants_several = kinds & DIRECT != 0, kinds & SEVERAL != 0
    refused = np.uint8(0 if rider_is_woman else WOMEN_ONLY)
    needed = np.uint8(DRIVER_IS_WOMAN if women_only else 0)
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
        together = has_seats & ((stated[k] & refused) == 0) & ((stated[k] & needed) == needed)
        considered += active
        meeting += meets
        roomy += has_seats
        left += together
        state[k] = together
    counts[WINDOW] += considered - meeting
    counts[SEATS] += meeting - roomy
    counts[PREFERENCES] += roomy - left
    return considered, left
