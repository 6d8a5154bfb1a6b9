"""Offers with stops by the ten thousand: what `plan.Plan` says of one, as columns of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.domain.money import CostRate
from matcher.matching.base.columns import spans
from matcher.matching.base.plan import ANY_TIME, NO_LIMIT
from matcher.matching.base.positions import I32, I64, INFINITE, LENGTH_MASK, AnyArray, EdgeTable, Flags
from matcher.matching.base.reach import Ends, reach_of
from matcher.matching.base.roads import SearchRoads
from matcher.matching.index.load_direct import DirectOffers

#: A stop at which nobody was promised a time has this for a moment.
NO_PROMISE = int(np.iinfo(np.int64).max)
_MOST_LEGS = 255


@dataclass(frozen=True, eq=False)
class OffersWithStops:
    """OPEN offers with stops between origin and destination, (k,) each, and their stops, offer by offer and in driving
    order.

    offers: their seats are those left, their budget the whole one. duration_ms: of the drive as published. booked:
    whether the stops are those of riders (the driver's own among them), who board (boarding > 0 seats) and alight (<
    0). earliest_ms, latest_ms: NO_PROMISE for none.
    """

    offers: DirectOffers
    duration_ms: I64
    booked: Flags
    stop_count: I64
    edge: I32
    at: I32
    boarding: I32
    earliest_ms: I64
    latest_ms: I64

    def __len__(self) -> int:
        return len(self.offers)

    @property
    def published_ms(self) -> I64:
        """When they were published to depart."""
        return self.offers.published_ms

    def taken(self, which: Flags) -> OffersWithStops:
        """Some of them."""
        _, stops = spans(np.cumsum(self.stop_count)[which] - self.stop_count[which], self.stop_count[which])
        return OffersWithStops(
            self.offers.taken(which),
            self.duration_ms[which],
            self.booked[which],
            self.stop_count[which],
            self.edge[stops],
            self.at[stops],
            self.boarding[stops],
            self.earliest_ms[stops],
            self.latest_ms[stops],
        )


@dataclass(frozen=True, eq=False)
class _Legs:
    """The legs of k offers one after another: positions of their ends, and which offer they are of."""

    begin: I64  # (k,) first leg
    count: I64  # (k,)
    of: I64  # (legs,)
    ends: Ends
    at_stop: Flags  # (legs,) whether the leg ends at a stop, and not at the destination

    @classmethod
    def of_offers(cls, given: OffersWithStops) -> _Legs:
        count = given.stop_count + 1
        begin = np.cumsum(count) - count
        of = np.repeat(np.arange(len(given)), count)
        last, first = np.zeros(len(of), dtype=np.bool_), np.zeros(len(of), dtype=np.bool_)
        first[begin], last[begin + count - 1] = True, True
        ends = []
        for start, stop, end in (
            (given.offers["origin_edge"], given.edge, given.offers["destination_edge"]),
            (given.offers["origin_at"], given.at, given.offers["destination_at"]),
        ):
            here, there = np.empty(len(of), np.int32), np.empty(len(of), np.int32)
            here[first], here[~first] = start, stop
            there[last], there[~last] = end, stop
            ends += [here, there]
        return cls(begin, count, of, Ends(ends[0], ends[2], ends[1], ends[3]), ~last)


def rows_with_stops(
    given: OffersWithStops, roads: SearchRoads, rate: CostRate | None
) -> tuple[Flags, dict[str, AnyArray], I32, dict[str, AnyArray]]:
    """(which are good, columns of their rows, packed drives, columns of their legs), as `Store.extend` takes them.

    Left out are those that no road leads along any more, those on edges that do not exist, and those whose bookings do
    not add up.
    """
    known = _known(given, len(roads.edges.start))
    if not known.all():
        given = given.taken(known)
    legs = _Legs.of_offers(given)
    cost, codes, path_begin, path_size = roads.pack_drives(*legs.ends)
    seats = _free_seats(given, legs)
    bad = (cost >= INFINITE) | (seats < 0)
    good = np.bincount(legs.of, weights=bad, minlength=len(given)) == 0
    which = known.copy()
    which[known] = good
    if not good.all():
        # Driven again without the bad ones: rare, and then nothing else has to know of them.
        return which, *rows_with_stops(given.taken(good), roads, rate)[1:]
    early_ms, late_ms = _slack(given, legs, cost)
    columns = {
        **legs.ends._asdict(),
        "base_cost": cost,
        "path_begin": path_begin,
        "path_size": path_size,
        "seats": seats.astype(np.uint8),
        "early_ms": early_ms,
        "late_ms": late_ms,
    }
    return which, given.offers.stated(rate) | _rows(given, legs, cost, seats, roads.edges), codes, columns


def _known(given: OffersWithStops, edges: int) -> Flags:
    of = np.repeat(np.arange(len(given)), given.stop_count)
    known = given.offers.on_roads(edges) & (given.stop_count < _MOST_LEGS)
    # Everybody who boards alights.
    known &= np.bincount(of, weights=given.boarding, minlength=len(given)) == 0
    strange = (given.edge < 0) | (given.edge >= edges)
    sound: Flags = known & (np.bincount(of, weights=strange, minlength=len(given)) == 0)
    return sound


def _free_seats(given: OffersWithStops, legs: _Legs) -> I64:
    """(legs,) seats free on each leg."""
    offers = given.offers
    boarding = np.zeros(len(legs.of), np.int64)
    boarding[1:][legs.at_stop[:-1]] = given.boarding
    aboard = np.cumsum(boarding)  # everybody has alighted where a trip ends, so that each begins with none
    booked = given.booked[legs.of]
    return np.where(booked, offers["seats_offered"][legs.of] - aboard, offers["seats"][legs.of]).astype(np.int64)


def _slack(given: OffersWithStops, legs: _Legs, cost: I64) -> tuple[I32, I32]:
    """(early_ms, late_ms) of `rows.Legs`."""
    driven = np.cumsum(cost >> 32)
    before = driven[legs.begin] - (cost[legs.begin] >> 32)
    reached = given.offers["departure_ms"][legs.of] + driven - before[legs.of]
    early, late = np.full(len(cost), ANY_TIME, np.int32), np.full(len(cost), ANY_TIME, np.int32)
    at = np.flatnonzero(legs.at_stop)
    promised = given.earliest_ms != NO_PROMISE
    early[at[promised]] = np.clip(reached[at[promised]] - given.earliest_ms[promised], -ANY_TIME, ANY_TIME)
    promised = given.latest_ms != NO_PROMISE
    late[at[promised]] = np.clip(given.latest_ms[promised] - reached[at[promised]], -ANY_TIME, ANY_TIME)
    return early, late


def _rows(given: OffersWithStops, legs: _Legs, cost: I64, seats: I64, edges: EdgeTable) -> dict[str, AnyArray]:
    """The columns of `rows.Rows` that depend on the roads."""
    offers = given.offers
    base = np.add.reduceat(cost, legs.begin) if len(given) else np.empty(0, np.int64)
    used_ms = np.where(given.booked, (base >> 32) - given.duration_ms, 0)
    used_cm = np.where(given.booked, (base & LENGTH_MASK) - offers["length_cm"], 0)
    max_detour_ms = (offers["max_detour_ms"] - used_ms).astype(np.int32)
    limit_cm = offers["max_detour_cm"]
    return {
        "base_cost": base,
        "leg_begin": legs.begin,
        "path_size": np.zeros(len(given), np.uint16),
        "leg_count": legs.count.astype(np.uint8),
        "max_detour_ms": max_detour_ms,
        "max_detour_cm": np.where(limit_cm != NO_LIMIT, limit_cm - used_cm, NO_LIMIT).astype(np.int32),
        "seats": np.maximum.reduceat(seats, legs.begin) if len(given) else np.empty(0, np.int64),
        **reach_of(edges.together, offers.ends, base, max_detour_ms)._asdict(),
    }
