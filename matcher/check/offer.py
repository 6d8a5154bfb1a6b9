"""Does a stored offer hold what it says? Recomputed from the road graph alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from matcher.check.plain_dijkstra import PlainDijkstra, PlainTree
from matcher.check.roads import PlainDrive
from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.offer import Offer
from matcher.domain.place import Place, RoadPosition

#: How far a stored distance to the road may be from the one measured here: another plane was used to measure it.
_SNAP_TOLERANCE_M = 1.0
_SNAP_TOLERANCE_SHARE = 0.01
#: Kernels count whole milliseconds, and a promise may have been written down to the microsecond.
_GRAIN = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that does not hold: whose, which, what was promised and what is so.

    `search` numbers the sampled search, from 1.
    """

    promise: str
    offer_id: UUID
    promised: str
    holds: str
    search: int | None = None


@dataclass(slots=True)
class Findings:
    """How many promises of each kind were looked at, and which were found broken."""

    checked: dict[str, int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)

    def expect(
        self, promise: str, holds: bool, offer_id: UUID, promised: object, found: object, search: int | None = None
    ) -> bool:
        """Note a promise and whether it holds; returns that."""
        self.checked[promise] = self.checked.get(promise, 0) + 1
        if not holds:
            self.violations.append(Violation(promise, offer_id, str(promised), str(found), search))
        return holds

    def add(self, other: Findings) -> None:
        for promise, count in other.checked.items():
            self.checked[promise] = self.checked.get(promise, 0) + count
        self.violations += other.violations


@dataclass(frozen=True, slots=True)
class DrivenOffer:
    """An offer that can be driven: the trees of its stops, and its drives leg by leg."""

    offer: Offer
    trees: tuple[PlainTree, ...]  # one a stop but the last
    legs: tuple[PlainDrive, ...]

    @property
    def planned(self) -> tuple[datetime, ...]:
        """When each stop is reached, the origin included, as the trip is planned now; in UTC."""
        reached = [self.offer.departure.astimezone(UTC) + timedelta(milliseconds=self.offer.departure_shift_ms)]
        for leg in self.legs:
            reached.append(reached[-1] + timedelta(milliseconds=leg.ms))
        return tuple(reached)


def verify_offer(roads: PlainDijkstra, offer: Offer) -> tuple[Findings, DrivenOffer | None]:
    """(what was found, the offer with its drives, or None when it cannot be driven). Heavy: a tree for each stop."""
    found = Findings()
    expect = _about(found, offer)
    expect("version is positive", offer.version >= 1, "at least 1", offer.version)
    seats_add_up = _verify_seats(offer, expect)
    _verify_order(offer, expect)
    shift_s = offer.departure_shift_ms / 1000
    expect(
        "departure within flexibility",
        abs(shift_s) <= offer.flexibility_s,
        f"at most {offer.flexibility_s} s from the published one",
        f"{shift_s:+.3f} s",
    )
    on_road = [_verify_place(roads, stop, expect) for stop in offer.stops]
    if not all(on_road):
        return found, None
    driven = drive_offer(roads, offer)
    if not expect(
        "stops reachable in order", driven is not None, f"{len(offer.stops)} stops", "one has no way to the next"
    ):
        return found, None
    assert driven is not None
    _verify_drive(roads, driven, expect)
    _verify_times(driven, expect)
    # A search takes only offers whose seats add up, so matches of the others cannot be made.
    return found, driven if seats_add_up else None


def drive_offer(roads: PlainDijkstra, offer: Offer) -> DrivenOffer | None:
    """The offer with its drives; None when a stop is on no road, or has no way to the next. Heavy."""
    positions = [stop.place.position for stop in offer.stops]
    if not all(roads.is_on_road(position) for position in positions):
        return None
    trees = [roads.tree(position) for position in positions[:-1]]
    legs = [tree.drive(position) for tree, position in zip(trees, positions[1:], strict=True)]
    driven = tuple(leg for leg in legs if leg is not None)
    return DrivenOffer(offer, tuple(trees), driven) if len(driven) == len(legs) else None


Expect = Callable[[str, bool, object, object], bool]


def _about(found: Findings, offer: Offer) -> Expect:
    def expect(promise: str, holds: bool, promised: object, is_so: object) -> bool:
        return found.expect(promise, holds, offer.id, promised, is_so)

    return expect


def free_seats(offer: Offer) -> list[int]:
    """Seats that nobody has booked on each leg; below 0 where it is oversold."""
    if not offer.booked_stops:
        return [offer.seats_left] * (len(offer.stops) - 1)
    free = [offer.seats_offered]
    for stop in offer.booked_stops:
        taken = stop.seats if stop.kind is StopKind.PICKUP else -stop.seats if stop.kind is StopKind.DROPOFF else 0
        free.append(free[-1] - taken)
    return free


def _verify_seats(offer: Offer, expect: Expect) -> bool:
    free = free_seats(offer)
    fits = expect(
        "no leg is oversold", min(free) >= 0, f"{offer.seats_offered} seats on each leg", f"free by leg: {free}"
    )
    left = min(free) if offer.booked_stops else offer.seats_offered
    true = expect("seats left is true", offer.seats_left == left, f"{offer.seats_left} left", f"{left} left")
    aboard: dict[UUID | None, int] = {}
    wrong = None
    for number, stop in enumerate(offer.booked_stops, start=1):
        if stop.kind is StopKind.PICKUP:
            if stop.booking_id in aboard or stop.seats < 1:
                wrong = f"stop {number} boards booking {stop.booking_id} again, or nobody"
            aboard[stop.booking_id] = stop.seats
        elif stop.kind is StopKind.DROPOFF and aboard.pop(stop.booking_id, None) != stop.seats:
            wrong = f"at stop {number} booking {stop.booking_id} alights, who is not aboard with {stop.seats}"
    if aboard:
        wrong = f"{len(aboard)} riders never alight"
    rides = expect("every rider boards, then alights", wrong is None, "once each, in this order", wrong)
    return fits and true and rides


def _verify_order(offer: Offer, expect: Expect) -> None:
    if not offer.booked_stops:
        return
    own = [stop.place.position for stop in offer.booked_stops if stop.kind is StopKind.VIA]
    wanted = [place.position for place in offer.via]
    expect(
        "driver's own stops are kept",
        own == wanted,
        f"{len(wanted)} places on the way, in order",
        f"{len(own)} among the stops" if len(own) != len(wanted) else "others among the stops",
    )


def _verify_place(roads: PlainDijkstra, stop: Stop, expect: Expect) -> bool:
    """Whether the place is on a road at all; that it is near its coordinate is another promise.

    A door that is met stands elsewhere than its position: at the end of the dead end of its public point.
    """
    kind, place = stop.kind, stop.place
    at = place.position
    if not expect(
        "positions are on a road",
        roads.is_on_road(at),
        f"{kind.value} on street piece {at.edge} at {at.fraction:.6f}",
        "there is no such position",
    ):
        return False
    if stop.at_door:
        expect(
            "doors are met as their public point allows",
            roads.stands_for_doors(at),
            f"{kind.value} at what stands for the doors of a public point",
            f"street piece {at.edge} at {at.fraction:.6f}",
        )
        return True
    measured_m = roads.locate(at).distance_m(place.coordinate)
    tolerance_m = _SNAP_TOLERANCE_M + _SNAP_TOLERANCE_SHARE * place.road_distance_m
    expect(
        "positions are near their places",
        abs(measured_m - place.road_distance_m) <= tolerance_m,
        f"{kind.value} {place.road_distance_m:.1f} m from its place",
        f"{measured_m:.1f} m",
    )
    return True


def _verify_drive(roads: PlainDijkstra, driven: DrivenOffer, expect: Expect) -> None:
    offer = driven.offer
    now_ms, now_cm = sum(leg.ms for leg in driven.legs), sum(leg.cm for leg in driven.legs)
    base = (now_ms, now_cm) if not offer.booked_stops else _cost(roads, offer.origin, *offer.via, offer.destination)
    stored = f"{offer.duration_ms} ms, {offer.length_cm} cm"
    expect(
        "drive without riders",
        base == (offer.duration_ms, offer.length_cm),
        stored,
        "no way" if base is None else f"{base[0]} ms, {base[1]} cm",
    )
    if offer.booked_stops and base is not None:
        used_ms, used_cm = now_ms - base[0], now_cm - base[1]
        expect(
            "detour within its budget",
            used_ms <= 1000 * offer.max_detour_s,
            f"at most {offer.max_detour_s} s",
            f"{used_ms / 1000:.3f} s",
        )
        if offer.max_detour_m is not None:
            expect(
                "detour within its length",
                used_cm <= 100 * offer.max_detour_m,
                f"at most {offer.max_detour_m} m",
                f"{used_cm / 100:.2f} m",
            )


def _verify_times(driven: DrivenOffer, expect: Expect) -> None:
    """Nobody is met or set down too late.

    Whoever is too early waits, which is only right where leaving later would make somebody before it late, or when the
    trip had left already when it last changed.
    """
    offer = driven.offer
    reached = driven.planned[0]
    room = timedelta(seconds=offer.flexibility_s, milliseconds=-offer.departure_shift_ms)
    excused = offer.planned_departure <= offer.updated_at
    for number, (stop, leg) in enumerate(zip(offer.stops[1:-1], driven.legs, strict=False), start=1):
        planned = reached = reached + timedelta(milliseconds=leg.ms)
        if stop.earliest is None and stop.latest is None:
            continue
        early = stop.earliest is not None and planned + _GRAIN <= stop.earliest
        if early and stop.earliest is not None:
            reached = stop.earliest.astimezone(UTC)
        late = stop.latest is not None and reached - _GRAIN >= stop.latest
        expect(
            "booked times are kept",
            not late and (not early or excused or room <= 2 * _GRAIN),
            _promise(number, stop),
            f"planned at {planned.isoformat()}" + (", which could be later" if early else ""),
        )
        excused = excused or early  # behind a wait nothing becomes later by leaving later
        if stop.latest is not None:
            room = min(room, stop.latest - reached)


def _promise(number: int, stop: Stop) -> str:
    begin = "" if stop.earliest is None else f" not before {stop.earliest.isoformat()}"
    end = "" if stop.latest is None else f" not after {stop.latest.isoformat()}"
    return f"stop {number}, {stop.kind.value}{begin}{end}"


def _cost(roads: PlainDijkstra, *places: Place) -> tuple[int, int] | None:
    if not all(roads.is_on_road(place.position) for place in places):
        return None
    return drive_through(roads, [place.position for place in places])


def drive_through(roads: PlainDijkstra, positions: Sequence[RoadPosition]) -> tuple[int, int] | None:
    """(ms, cm) of the fastest drive through positions in order, or None when there is no way."""
    ms = cm = 0
    for here, there in itertools.pairwise(positions):
        cost = roads.tree(here).cost(there)
        if cost is None:
            return None
        ms, cm = ms + cost[0], cm + cost[1]
    return ms, cm
