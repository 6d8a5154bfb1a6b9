"""A booking: seats that a rider has asked for on an offer, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from matcher.domain.errors.bookings import MoveNotAllowed
from matcher.domain.match import Fare
from matcher.domain.place import Place

MAX_NOTE = 500


class BookingStatus(StrEnum):
    """The states of Standard covoiturage.

    A booking that was refused, that lapsed or was given up is CANCELLED, with its reason.
    """

    WAITING_CONFIRMATION = "WAITING_CONFIRMATION"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    COMPLETED_PENDING_VALIDATION = "COMPLETED_PENDING_VALIDATION"
    VALIDATED = "VALIDATED"


class Actor(StrEnum):
    """Who moves a booking.

    OPERATOR runs the service; SYSTEM is the clock, and what follows from a change of the trip.
    """

    RIDER = "rider"
    DRIVER = "driver"
    OPERATOR = "operator"
    SYSTEM = "system"


class CancelReason(StrEnum):
    """Why a booking is CANCELLED."""

    REFUSED_BY_DRIVER = "refused_by_driver"
    LAPSED = "lapsed"
    CANCELLED_BY_RIDER = "cancelled_by_rider"
    CANCELLED_BY_DRIVER = "cancelled_by_driver"
    CANCELLED_BY_OPERATOR = "cancelled_by_operator"
    TRIP_CANCELLED = "trip_cancelled"


#: In these the rider still expects to ride; at most one of them for a rider and an offer.
OPEN_STATUSES = frozenset({BookingStatus.WAITING_CONFIRMATION, BookingStatus.CONFIRMED})

_WAITING, _CONFIRMED = BookingStatus.WAITING_CONFIRMATION, BookingStatus.CONFIRMED
_CANCELLED, _VALIDATED = BookingStatus.CANCELLED, BookingStatus.VALIDATED
_COMPLETED = BookingStatus.COMPLETED_PENDING_VALIDATION
_EVERYBODY = frozenset(Actor)

#: Every move there is, and who may make it. WAITING_CONFIRMATION → CONFIRMED by SYSTEM is an offer that books at once.
MOVES: Mapping[tuple[BookingStatus, BookingStatus], frozenset[Actor]] = MappingProxyType(
    {
        (_WAITING, _CONFIRMED): frozenset({Actor.DRIVER, Actor.SYSTEM}),
        (_WAITING, _CANCELLED): _EVERYBODY,
        (_CONFIRMED, _CANCELLED): _EVERYBODY,
        (_CONFIRMED, _COMPLETED): frozenset({Actor.RIDER, Actor.DRIVER, Actor.SYSTEM}),
        (_COMPLETED, _VALIDATED): frozenset({Actor.RIDER, Actor.DRIVER, Actor.SYSTEM}),
    }
)


@dataclass(frozen=True, slots=True)
class RidePoint:
    """Where a rider boards or alights, the walk between it and their door, and when.

    `at` is as planned now; the rider was promised that it stays from `earliest` to `latest`, both inclusive (None: no
    bound on that side). `public` is the public point from which times and detours follow, and what the driver is shown
    of the place until the booking is confirmed; None where the place itself is public.
    """

    place: Place
    walk_cm: int
    walk_ms: int
    at: datetime
    earliest: datetime | None
    latest: datetime
    public: Place | None = None

    @property
    def bound_walk_ms(self) -> int:
        """The walk that bounds when the rider can be there, in ms.

        0 at a public point: how far the rider lives from it must not follow from what a driver tries.
        """
        return self.walk_ms if self.public is None else 0


@dataclass(frozen=True, slots=True)
class Booking:
    """Seats on an offer. `version` starts at 1 and grows by one with every change; times keep the offset they came in.

    `region_fingerprint` is the state of the roads for which the positions of pickup and dropoff hold. `ride_ms`,
    `ride_cm`: the ride as planned when it was agreed; `detour_ms`, `detour_cm`: what it added to the driver's way then
    (a faster way may be shorter); `shared_cm`: road in common with the rider's own best way. `note` is the rider's word
    to the driver, `reply` what was said with the latest move. `due_at`: when the clock makes the next move, None when
    there is none. `fare` is what the rider pays, agreed at asking, None where no cost of driving was known;
    `co2_saved_g` what the booking saves with that detour.
    """

    id: UUID
    offer_id: UUID
    driver_id: str
    rider_id: str
    status: BookingStatus
    version: int
    seats: int
    region_fingerprint: str
    pickup: RidePoint
    dropoff: RidePoint
    ride_ms: int
    ride_cm: int
    detour_ms: int
    detour_cm: int
    shared_cm: int
    note: str
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None
    reply: str = ""
    confirmed_at: datetime | None = None
    completed_at: datetime | None = None
    completed_by: Actor | None = None
    cancelled_by: Actor | None = None
    cancel_reason: CancelReason | None = None
    fare: Fare | None = None
    co2_saved_g: int = 0

    @property
    def is_open(self) -> bool:
        """Whether the rider still expects to ride."""
        return self.status in OPEN_STATUSES

    @property
    def expires_at(self) -> datetime | None:
        """When it lapses unless the driver answers; None once answered."""
        return self.due_at if self.status is BookingStatus.WAITING_CONFIRMATION else None

    @property
    def was_confirmed(self) -> bool:
        """Whether the two have been told where to meet, and whom."""
        return self.confirmed_at is not None


def require_move(booking: Booking, to: BookingStatus, actor: Actor, now: datetime) -> None:
    """Raises MoveNotAllowed unless `actor` may move the booking to `to` now.

    Beyond the table: what was not answered in time cannot be confirmed any more; only the clock or the trip's own end
    cancels after the last moment promised for boarding; a ride is completed by people from the planned boarding on; and
    who completed it does not also validate it.
    """
    allowed = MOVES.get((booking.status, to))
    if allowed is None:
        raise MoveNotAllowed(f"a booking that is {booking.status.value} cannot become {to.value}")
    if actor not in allowed:
        raise MoveNotAllowed(f"the {actor.value} cannot make a {booking.status.value} booking {to.value}")
    if actor is Actor.SYSTEM:
        return
    if to is BookingStatus.CONFIRMED and booking.due_at is not None and booking.due_at <= now:
        raise MoveNotAllowed("nobody answered in time: the booking has lapsed")
    if to is BookingStatus.CANCELLED and now > booking.pickup.latest:
        raise MoveNotAllowed("the ride has begun: it can be completed, not cancelled")
    if to is BookingStatus.COMPLETED_PENDING_VALIDATION and now < booking.pickup.at:
        raise MoveNotAllowed("the ride has not begun: it can be completed only after boarding")
    if to is BookingStatus.VALIDATED and actor is booking.completed_by:
        raise MoveNotAllowed("only the other side can validate a ride that you completed")


def reason_of(booking: Booking, actor: Actor) -> CancelReason:
    """Why a booking that `actor` cancels is cancelled; the clock's reason is that nobody answered."""
    if actor is Actor.DRIVER:
        waiting = booking.status is BookingStatus.WAITING_CONFIRMATION
        return CancelReason.REFUSED_BY_DRIVER if waiting else CancelReason.CANCELLED_BY_DRIVER
    return {
        Actor.RIDER: CancelReason.CANCELLED_BY_RIDER,
        Actor.OPERATOR: CancelReason.CANCELLED_BY_OPERATOR,
        Actor.SYSTEM: CancelReason.LAPSED,
    }[actor]
