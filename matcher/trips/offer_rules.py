"""The rules of every offer, published or changed: who may, when, and with which defaults."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from matcher.domain.errors.tree import (
    DepartureInPast,
    DepartureTooFar,
    Fault,
    InvalidField,
    OfferNotFound,
    RoleForbidden,
)
from matcher.domain.offer import (
    MAX_COMMENT,
    MAX_DETOUR_M,
    MAX_DETOUR_S,
    MAX_FLEXIBILITY_S,
    MAX_SEATS,
    MAX_VIA,
    PREFERENCE_KEYS,
    STATED,
    Offer,
    OfferChange,
    OfferDraft,
    OfferStatus,
    TripFields,
    default_max_detour_s,
)
from matcher.domain.place import Place, PlaceInput
from matcher.domain.principal import Principal
from matcher.places.resolve import TripWay
from matcher.roads.asked import RoadsByTime


def require_driver(principal: Principal) -> None:
    """Raises RoleForbidden unless the caller may publish and change offers."""
    if not principal.drives:
        raise RoleForbidden(f"a {principal.role.value} key cannot publish or change offers: use a driver key")


def require_owner(offer: Offer, principal: Principal, *, or_operator: bool = False) -> None:
    """Raises OfferNotFound for another person's offer, so that nobody learns that it exists."""
    if offer.driver_id != principal.user and not (or_operator and principal.operates):
        raise OfferNotFound("you have no offer with this id")


def require_departure(departure: datetime, now: datetime, horizon: timedelta) -> None:
    """Raises DepartureInPast before `now`, DepartureTooFar after `now + horizon`; both ends may be used."""
    if departure < now:
        raise DepartureInPast.at("/departure", "the departure is in the past: publish a trip that has not left yet")
    if departure - now > horizon:
        raise DepartureTooFar.at("/departure", f"trips can be published at most {horizon.days} days ahead")


def require_sensible(wish: OfferDraft | OfferChange) -> None:
    """Raises InvalidField with a fault for each number, list or text out of bounds (both bounds inclusive)."""
    faults: list[Fault] = []

    def within(pointer: str, value: int | None, low: int, high: int) -> None:
        if value is not None and not low <= value <= high:
            faults.append(Fault(pointer, f"must be from {low} to {high}", InvalidField.code))

    within("/seats", wish.seats, 1, MAX_SEATS)
    within("/flexibility_s", wish.flexibility_s, 0, MAX_FLEXIBILITY_S)
    within("/max_detour_s", wish.max_detour_s, 0, MAX_DETOUR_S)
    within("/max_detour_m", wish.max_detour_m, 0, MAX_DETOUR_M)
    if wish.via is not None and len(wish.via) > MAX_VIA:
        faults.append(Fault("/via", f"at most {MAX_VIA} places", InvalidField.code))
    if wish.comment is not None and len(wish.comment) > MAX_COMMENT:
        faults.append(Fault("/comment", f"at most {MAX_COMMENT} characters", InvalidField.code))
    for key in wish.preferences or {}:
        if key not in PREFERENCE_KEYS:
            known = ", ".join(PREFERENCE_KEYS)
            faults.append(Fault("/preferences", f"{key!r} is not one of: {known}", InvalidField.code))
    if faults:
        raise InvalidField(f"{faults[0].pointer[1:]} {faults[0].detail}", faults=faults)


def pointed(origin: PlaceInput, via: Sequence[PlaceInput], destination: PlaceInput) -> list[tuple[str, PlaceInput]]:
    """The places of a trip in driving order, each with its JSON pointer."""
    return [("/origin", origin), *((f"/via/{i}", place) for i, place in enumerate(via)), ("/destination", destination)]


def stops_of(origin: Place, via: Sequence[Place], destination: Place) -> list[tuple[str, Place]]:
    """The resolved places of a trip in driving order, each with its JSON pointer."""
    return [("/origin", origin), *((f"/via/{i}", place) for i, place in enumerate(via)), ("/destination", destination)]


def new_offer(
    trip: TripFields, roads: RoadsByTime, way: TripWay, offer_id: UUID, driver_id: str, now: datetime
) -> Offer:
    """An OPEN offer of version 1, with the defaults of what was not stated."""
    origin, *via, destination = way.places
    usual_s = default_max_detour_s(way.duration_ms) + way.allowance_s
    return Offer(
        id=offer_id,
        driver_id=driver_id,
        region=roads.name,
        region_fingerprint=roads.fingerprint,
        status=OfferStatus.OPEN,
        version=1,
        origin=origin,
        destination=destination,
        via=tuple(via),
        departure=way.departure,
        seats_offered=trip.seats,
        seats_left=trip.seats,
        max_detour_s=usual_s if trip.max_detour_s is None else trip.max_detour_s,
        duration_ms=way.duration_ms,
        length_cm=way.length_cm,
        doors=way.doors,
        created_at=now,
        updated_at=now,
        **{name: getattr(trip, name) for name in STATED},
    )
