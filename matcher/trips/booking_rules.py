"""What is true of every booking, whoever moves it: who may see it, in what part, and when the clock moves it next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from matcher.domain.booking import (
    MAX_NOTE,
    Actor,
    Booking,
    BookingStatus,
    CancelReason,
    reason_of,
    require_move,
)
from matcher.domain.clock import later
from matcher.domain.errors.bookings import BookingNotFound
from matcher.domain.errors.tree import Fault, InvalidField, RoleForbidden
from matcher.domain.offer import Offer
from matcher.domain.principal import Principal

#: Asking and withdrawing notifies the driver twice each time.
WITHDRAWN_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class BookingTerms:
    """What the operator has decided. tolerance: how far boarding and alighting may move from what was agreed.

    answer_within, answer_before: a booking lapses so long after it was asked for, or so long before the departure,
    whichever is earlier. completed_after: after the promised alighting. validated_after: after completion.
    withdrawals: a rider who has withdrawn so many bookings of one trip within WITHDRAWN_WITHIN cannot ask for it again
    until then; 0 for no limit.
    """

    tolerance: timedelta = timedelta(minutes=5)
    answer_within: timedelta = timedelta(hours=24)
    answer_before: timedelta = timedelta(minutes=30)
    completed_after: timedelta = timedelta(minutes=15)
    validated_after: timedelta = timedelta(days=2)
    withdrawals: int = 3

    def lapses_at(self, offer: Offer, booking: Booking, now: datetime) -> datetime:
        """When an unanswered booking lapses.

        One that is asked for shortly before the departure can be answered until then, and one that is asked for on the
        way until the boarding. The rider sees the moment, so it is a quarter of an hour: the exact departure would
        show how far from the pickup the driver lives.
        """
        moment = _quarter(later(offer.planned_departure, -self.answer_before))
        if moment - now < self.answer_before:
            moment = _quarter(offer.planned_departure)
        if moment <= now:
            moment = booking.pickup.latest
        return min(moment, later(now, self.answer_within))

    def due_at(self, booking: Booking, now: datetime) -> datetime | None:
        """When the clock moves a booking that somebody has just moved to where it is."""
        if booking.status is BookingStatus.CONFIRMED:
            return later(booking.dropoff.latest, self.completed_after)
        if booking.status is BookingStatus.COMPLETED_PENDING_VALIDATION:
            return later(now, self.validated_after)
        return None


def _quarter(moment: datetime) -> datetime:
    """The quarter of an hour that has begun at a moment."""
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def actor_of(booking: Booking, principal: Principal) -> Actor:
    """Who the caller is to a booking. Raises BookingNotFound for a stranger, who must not learn that it exists."""
    if principal.user == booking.driver_id:
        return Actor.DRIVER
    if principal.user == booking.rider_id:
        return Actor.RIDER
    if principal.operates:
        return Actor.OPERATOR
    raise BookingNotFound("you have no booking with this id")


def require_capable(actor: Actor, principal: Principal) -> None:
    """Raises RoleForbidden when the credential is not of the role in which its user acts."""
    capable = {Actor.DRIVER: principal.drives, Actor.RIDER: principal.rides}.get(actor, True)
    if not capable:
        raise RoleForbidden(f"a {principal.role.value} key cannot act as this booking's {actor.value}")


def require_short(text: str, pointer: str) -> None:
    """Raises InvalidField when a note is too long."""
    if len(text) > MAX_NOTE:
        detail = f"at most {MAX_NOTE} characters"
        raise InvalidField(f"{pointer[1:]}: {detail}", faults=[Fault(pointer, detail, InvalidField.code)])


def moved(
    booking: Booking,
    to: BookingStatus,
    actor: Actor,
    now: datetime,
    terms: BookingTerms,
    *,
    reply: str = "",
    reason: CancelReason | None = None,
) -> Booking:
    """The booking one version later, in another state. Raises MoveNotAllowed."""
    require_move(booking, to, actor, now)
    cancelled = to is BookingStatus.CANCELLED
    completed = to is BookingStatus.COMPLETED_PENDING_VALIDATION
    after = replace(
        booking,
        status=to,
        version=booking.version + 1,
        updated_at=now,
        reply=reply,
        confirmed_at=now if to is BookingStatus.CONFIRMED else booking.confirmed_at,
        completed_at=now if completed else booking.completed_at,
        completed_by=actor if completed else booking.completed_by,
        cancelled_by=actor if cancelled else None,
        cancel_reason=(reason or reason_of(booking, actor)) if cancelled else None,
    )
    return replace(after, due_at=terms.due_at(after, now))
