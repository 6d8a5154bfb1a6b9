"""The requests that wait, as columns that one offer is held against: the other way round of an `OfferIndex`.

What it hands out is proven to contain every request that the offer fits, and usually little more. Which of them fit is
for the same pipeline to say that answers searches, so both ways agree by construction.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
import numpy.typing as npt

from matcher.domain.offer import Offer
from matcher.matching.base.columns import spans
from matcher.matching.base.plan import Plan
from matcher.matching.base.positions import FRACTION_BITS, FRACTION_ONE, I32, I64, INFINITE, fixed_position
from matcher.matching.base.roads import SearchRoads, SearchRoadsByTime
from matcher.matching.scan.query import MeetingCandidate, Query

_HALF = 1 << (FRACTION_BITS - 1)
_LENGTH = 0xFFFFFFFF
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A request with the places where its rider can be met. `query.now_ms` is whenever it was made."""

    id: UUID
    rider: str
    query: Query

    def at(self, now_ms: int) -> Query:
        """The query at a moment."""
        return replace(self.query, now_ms=now_ms)


@dataclass(frozen=True, eq=False)
class _Columns:
    """(k,) each, but for the ends, which have a row for each place the rider can be met at, those of one request
    together.

    earliest_ms, latest_ms: of boarding, or of alighting for `arrives`, for whatever walk. direct: packed drive between
    the two places in each slot, (slots, k); _UNKNOWN until it is asked for. Of who walks it is 0, which is a bound as
    well.
    """

    waiting: list[WaitingRequest]
    seats: npt.NDArray[np.uint8]
    women_only: npt.NDArray[np.bool_]
    arrives: npt.NDArray[np.bool_]
    earliest_ms: I64
    latest_ms: I64
    pickups: _Ends
    dropoffs: _Ends
    direct: I64

    @classmethod
    def of(cls, waiting: list[WaitingRequest], slots: int) -> _Columns:
        queries = [one.query for one in waiting]
        windows = np.array([query.boarding_ms for query in queries], np.int64).reshape(-1, 2)
        walks = np.array([query.walks for query in queries], np.bool_)
        return cls(
            waiting=waiting,
            seats=np.array([query.seats for query in queries], np.uint8),
            women_only=np.array([query.women_only for query in queries], np.bool_),
            arrives=np.array([query.window_is_arrival for query in queries], np.bool_),
            earliest_ms=windows[:, 0],
            latest_ms=windows[:, 1],
            pickups=_Ends.of([query.pickups or (MeetingCandidate(query.pickup, 0),) for query in queries]),
            dropoffs=_Ends.of([query.dropoffs or (MeetingCandidate(query.dropoff, 0),) for query in queries]),
            direct=np.where(walks, 0, _UNKNOWN).astype(np.int64)[None, :].repeat(slots, axis=0),
        )

    def joined(self, other: _Columns) -> _Columns:
        return _Columns(
            waiting=[*self.waiting, *other.waiting],
            seats=np.concatenate([self.seats, other.seats]),
            women_only=np.concatenate([self.women_only, other.women_only]),
            arrives=np.concatenate([self.arrives, other.arrives]),
            earliest_ms=np.concatenate([self.earliest_ms, other.earliest_ms]),
            latest_ms=np.concatenate([self.latest_ms, other.latest_ms]),
            pickups=self.pickups.joined(other.pickups),
            dropoffs=self.dropoffs.joined(other.dropoffs),
            direct=np.concatenate([self.direct, other.direct], axis=1),
        )

    def taken(self, rows: I64) -> _Columns:
        return _Columns(
            waiting=[self.waiting[row] for row in rows.tolist()],
            seats=self.seats[rows],
            women_only=self.women_only[rows],
            arrives=self.arrives[rows],
            earliest_ms=self.earliest_ms[rows],
            latest_ms=self.latest_ms[rows],
            pickups=self.pickups.taken(rows),
            dropoffs=self.dropoffs.taken(rows),
            direct=self.direct[:, rows],
        )


@dataclass(frozen=True, eq=False)
class _Ends:
    """Road positions: those of request i are the rows begin[i] to begin[i] + count[i], one at least."""

    edge: I32
    at: I32
    begin: I64
    count: I64

    @classmethod
    def of(cls, places: Sequence[Sequence[MeetingCandidate]]) -> _Ends:
        fixed = np.array([fixed_position(place.position) for some in places for place in some], np.int32).reshape(-1, 2)
        count = np.array([len(some) for some in places], np.int64)
        return cls(fixed[:, 0], fixed[:, 1], np.cumsum(count) - count, count)

    def joined(self, other: _Ends) -> _Ends:
        return _Ends(
            np.concatenate([self.edge, other.edge]),
            np.concatenate([self.at, other.at]),
            np.concatenate([self.begin, other.begin + len(self.edge)]),
            np.concatenate([self.count, other.count]),
        )

    def taken(self, rows: I64) -> _Ends:
        count = self.count[rows]
        first, of = spans(self.begin[rows], count)
        return _Ends(self.edge[of], self.at[of], first, count)


class RequestIndex:
    """Requests waiting for offers. Thread-safe."""

    def __init__(self, roads: SearchRoadsByTime) -> None:
        self._roads = roads
        self._lock = threading.Lock()
        self._columns = _Columns.of([], len(roads.slots))
        self._ids: set[UUID] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, request_id: UUID) -> bool:
        return request_id in self._ids

    def put(self, waiting: Iterable[WaitingRequest]) -> None:
        """Add requests; those that are here already stay as they are, as a request never changes."""
        with self._lock:
            fresh = [one for one in waiting if one.id not in self._ids]
            if fresh:
                self._columns = self._columns.joined(_Columns.of(fresh, len(self._roads.slots)))
                self._ids.update(one.id for one in fresh)

    def remove(self, request_ids: Iterable[UUID]) -> None:
        """Forget requests; unknown ids are ignored."""
        with self._lock:
            gone = self._ids.intersection(request_ids)
            if gone:
                rows = [row for row, one in enumerate(self._columns.waiting) if one.id not in gone]
                self._columns = self._columns.taken(np.array(rows, np.int64))
                self._ids -= gone

    def all(self) -> list[WaitingRequest]:
        """Every request, in the order in which they came."""
        return list(self._columns.waiting)

    def expire(self, now_ms: int) -> int:
        """Forget the requests whose windows are over; returns how many."""
        columns = self._columns
        # The window at the door ends no later than the one of boarding or alighting for some walk.
        gone = [columns.waiting[row] for row in np.flatnonzero(columns.latest_ms < now_ms).tolist()]
        self.remove(one.id for one in gone)
        return len(gone)

    def candidates(self, offer: Offer) -> list[WaitingRequest]:
        """Every request that the offer could fit, and some that it does not. Raises ValueError when there is no way
        along the offer.

        Left out are, by their own: the driver's requests; those for more seats than are free on any leg; those for
        women only where the driver shares nothing. By the clock: no trip of this driver, however late it leaves and
        however long its detour, touches their window. By the roads: the drive origin → pickup → dropoff → destination,
        for the meeting points nearest to it, is longer than all that the driver accepts. Each leg of that drive is at
        most what any insertion between any stops spends there (triangle inequality), so none that fits is left out.
        """
        slot = self._roads.slot_of(offer.departure)
        roads = self._roads.slots[slot]
        plan = _plan_of(offer, roads)
        columns = self._columns
        rows = _by_clock(columns, offer, plan)
        if not len(rows):
            return []
        some = columns.taken(rows)
        unknown = np.flatnonzero(some.direct[slot] == _UNKNOWN)
        if len(unknown):
            some.direct[slot, unknown] = _drives(some.taken(unknown), roads)
            columns.direct[slot, rows] = some.direct[slot]
        kept = _by_road(some, some.direct[slot], offer, plan, roads)
        return [
            one for one in (some.waiting[row] for row in np.flatnonzero(kept).tolist()) if one.rider != offer.driver_id
        ]


def _plan_of(offer: Offer, roads: SearchRoads) -> Plan:
    stops = [stop.place.position for stop in offer.stops]
    drives = [roads.pack_drive(here, there) for here, there in itertools.pairwise(stops)]
    costs = [drive.cost for drive in drives if drive is not None]
    if len(costs) < len(drives):
        raise ValueError(f"offer {offer.id} has no way from its origin to its destination in this region")
    return Plan.of(offer, costs)


def _longest_ms(plan: Plan) -> int:
    return (plan.cost >> 32) + max(0, plan.max_detour_ms)


def _by_clock(columns: _Columns, offer: Offer, plan: Plan) -> I64:
    """The rows that seats, wishes and the clock leave."""
    left = columns.seats <= max(plan.seats)
    left &= columns.latest_ms >= plan.leaves_from_ms
    left &= columns.earliest_ms <= plan.leaves_by_ms + _longest_ms(plan)
    if not offer.driver_is_woman:
        left &= ~columns.women_only
    return np.flatnonzero(left).astype(np.int64)


def _by_road(columns: _Columns, direct: I64, offer: Offer, plan: Plan, roads: SearchRoads) -> npt.NDArray[np.bool_]:
    """Which rows the roads leave."""
    origin, destination = offer.origin.position, offer.destination.position
    with roads.sweep(destination, origin) as distance:
        to_pickup = _least(columns.pickups, roads, distance[:, 1], fixed_position(origin)[0], arriving=True)
        from_dropoff = _least(columns.dropoffs, roads, distance[:, 0], fixed_position(destination)[0], arriving=False)
    reachable = (to_pickup < INFINITE) & (from_dropoff < INFINITE) & (direct < INFINITE)
    total = np.where(reachable, to_pickup, 0) + np.where(reachable, from_dropoff, 0) + np.where(reachable, direct, 0)
    kept = reachable & ((total >> 32) <= _longest_ms(plan))
    # Nobody boards before the driver can be there, or alights before both drives are done.
    soonest = to_pickup + np.where(columns.arrives & reachable, direct, 0)
    kept &= plan.leaves_from_ms + (soonest >> 32) <= columns.latest_ms
    # Nor boards or alights so late that the rest of the way does not fit any more.
    rest = from_dropoff + np.where(~columns.arrives & reachable, direct, 0)
    kept &= plan.leaves_by_ms + _longest_ms(plan) - (rest >> 32) >= columns.earliest_ms
    return kept


def _least(ends: _Ends, roads: SearchRoads, distance: I64, edge: int, *, arriving: bool) -> I64:
    """(k,) packed: the least drive from the source (arriving) to the nearest place of each request, or from there to
    the target."""
    table = roads.edges.together[ends.edge]
    start, end, forward, backward = table["start"], table["end"], table["forward"], table["backward"]
    at = ends.at.astype(np.int64)
    if arriving:
        along_forward, along_backward = _part(forward, at), _part(backward, FRACTION_ONE - at)
        via_forward, via_backward = distance[start] + along_forward, distance[end] + along_backward
    else:
        along_forward, along_backward = forward - _part(forward, at), backward - _part(backward, FRACTION_ONE - at)
        via_forward, via_backward = distance[end] + along_forward, distance[start] + along_backward
    cost = np.minimum(
        np.where(forward < INFINITE, np.minimum(via_forward, INFINITE), INFINITE),
        np.where(backward < INFINITE, np.minimum(via_backward, INFINITE), INFINITE),
    )
    cost[ends.edge == edge] = 0  # they may drive along their common edge; nothing is a bound on that
    return np.minimum.reduceat(cost, ends.begin) if len(ends.begin) else cost


def _part(cost: I64, fixed: I64) -> I64:
    """`positions.part_of` for many."""
    time = ((cost >> 32) * fixed + _HALF) >> FRACTION_BITS
    length = ((cost & _LENGTH) * fixed + _HALF) >> FRACTION_BITS
    return (time << 32) | length


def _drives(columns: _Columns, roads: SearchRoads) -> I64:
    """Packed drives between the only two places of each request."""
    pickups, dropoffs = columns.pickups, columns.dropoffs
    cost, _, _, _ = roads.pack_drives(
        np.ascontiguousarray(pickups.edge),
        np.ascontiguousarray(pickups.at),
        np.ascontiguousarray(dropoffs.edge),
        np.ascontiguousarray(dropoffs.at),
    )
    return cost
