"""Where a rider can be met: the door, and places within the walk that the rider accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matcher.domain.match import MatchRequest
from matcher.domain.place import Place
from matcher.matching.scan.hints import FartherWalk
from matcher.matching.scan.query import MeetingCandidate
from matcher.roads.asked import RoadsByTime
from matcher.roads.foot.meeting_points import MeetingPoints, StopCandidate

#: At each end nobody is asked to walk a larger part of their own drive: who could walk half of the way is not looking
#: for a car.
MOST_OF_DRIVE = 0.25
#: Longer walks, in metres at each end, that a rider who finds little is told about.
FARTHER_M = (300, 600, 1000, 1500)


@dataclass(frozen=True, slots=True)
class MeetingPlaces:
    """Where one rider can be met, the door first on either side. Both empty for a rider who is met at the doors."""

    pickups: Sequence[StopCandidate] = ()
    dropoffs: Sequence[StopCandidate] = ()

    def in_core(self) -> tuple[list[MeetingCandidate], list[MeetingCandidate]]:
        """The same for the matching core."""
        return _in_core(self.pickups), _in_core(self.dropoffs)


class WhereToMeet:
    """Places to meet riders at; without MeetingPoints only their doors. Synchronous: call it in the executor."""

    def __init__(self, roads: RoadsByTime, points: MeetingPoints | None) -> None:
        self._roads = roads
        self._points = points

    def __call__(self, request: MatchRequest) -> MeetingPlaces:
        """The candidates within `request.max_walk_m` at each end, and within MOST_OF_DRIVE."""
        if self._points is None or request.max_walk_m == 0:
            return MeetingPlaces()
        return self._within(request, min(request.max_walk_m, self._most_m(request)))

    def farther(self, request: MatchRequest) -> tuple[FartherWalk, ...]:
        """Walks longer than the rider's that may be worth a hint, ascending.

        Where they lead is found out when it is asked for.
        """
        if self._points is None:
            return ()
        most_m = self._most_m(request)
        if request.max_walk_m >= min(most_m, FARTHER_M[-1]):
            return ()
        lengths_m = [metres for metres in FARTHER_M if request.max_walk_m < metres]
        return tuple(
            FartherWalk(metres, lambda metres=metres: self._within(request, min(metres, most_m)).in_core())  # type: ignore[misc]
            for metres in lengths_m
        )

    def _within(self, request: MatchRequest, metres: float) -> MeetingPlaces:
        return MeetingPlaces(self._around(request.origin, metres), self._around(request.destination, metres))

    def _around(self, door: Place, metres: float) -> Sequence[StopCandidate]:
        assert self._points is not None
        return self._points.candidates(door, metres)

    def _most_m(self, request: MatchRequest) -> float:
        roads = self._roads.at(request.window.earliest)
        drive = roads.drive([request.origin.position, request.destination.position], with_points=False)
        return 0.0 if drive is None else drive.length_cm / 100 * MOST_OF_DRIVE


def _in_core(stops: Sequence[StopCandidate]) -> list[MeetingCandidate]:
    return [MeetingCandidate(stop.position, stop.walk_ms) for stop in stops]
