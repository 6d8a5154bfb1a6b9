"""Where riders are met, on roads with and without public points."""

from __future__ import annotations

from dataclasses import replace

from matcher.domain.booking import RidePoint
from matcher.domain.place import Place
from matcher.places.public_places import DOOR, PublicPlaces

#: A public point of another import so near is the one where people have agreed to meet.
_SAME_CROSSING_M = 50.0


def is_at_door(point: RidePoint) -> bool:
    """Whether the rider is met at the door, which its public point stands for."""
    return point.public is not None and point.place.position.fraction == DOOR


def met_again(point: RidePoint, place: Place, public: PublicPlaces | None, *, agreed: bool) -> RidePoint:
    """A point of another import at its place on these roads. What was agreed stays, whatever the public points."""
    if public is None:
        return replace(point, place=place, public=None)
    if is_at_door(point) or (point.public is None and not agreed and point.walk_cm == 0):
        met = public.met_at(place)
        if met.position.fraction != DOOR:
            met = place if agreed else public.point(place)
        return replace(point, place=met, public=public.behind(met.position))
    met = public.point(place)
    if point.public is None or met.coordinate.distance_m(place.coordinate) > _SAME_CROSSING_M:
        return replace(point, place=place, public=None)
    return replace(point, place=met, public=met)
