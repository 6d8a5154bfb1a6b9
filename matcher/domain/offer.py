"""A driver's published trip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from matcher.domain.clock import later
from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.money import Money
from matcher.domain.place import Place, PlaceInput

MAX_SEATS = 8
MAX_VIA = 5
DEFAULT_FLEXIBILITY_S = 900
MAX_FLEXIBILITY_S = 4 * 3600
DETOUR_SHARE = 0.2
DETOUR_FLOOR_S = 300
DETOUR_CEILING_S = 1800
MAX_DETOUR_S = 4 * 3600
MAX_DETOUR_M = 500_000
MAX_COMMENT = 500


class OfferStatus(StrEnum):
    """OPEN can be matched; CANCELLED was withdrawn by its driver; PAST has left for good."""

    OPEN = "OPEN"
    CANCELLED = "CANCELLED"
    PAST = "PAST"


#: What people may state about a shared ride; True means "welcome", False "rather not". An absent key means "no matter".
PREFERENCE_KEYS = ("smoking", "pets", "music", "talk", "luggage")

NO_PREFERENCES: Mapping[str, bool] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TripFields:
    """What a driver states of a trip beside where and when. `max_detour_s` of None: the default."""

    seats: int
    flexibility_s: int = DEFAULT_FLEXIBILITY_S
    max_detour_s: int | None = None
    max_detour_m: int | None = None
    preferences: Mapping[str, bool] = field(default_factory=lambda: NO_PREFERENCES)
    comment: str = ""
    instant_booking: bool = False
    women_only: bool = False
    show_door: bool = False
    price: Money | None = None


#: Those that an offer has under the same name and as they were stated.
STATED = tuple(f.name for f in fields(TripFields) if f.name not in {"seats", "max_detour_s"})
#: Those for which None is a value, so that a change needs `clear_…` to say it.
CLEARABLE = ("max_detour_m", "price")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferDraft(TripFields):
    """What a driver asks to publish, before places are resolved."""

    origin: PlaceInput
    destination: PlaceInput
    departure: datetime
    via: tuple[PlaceInput, ...] = ()
    driver_is_woman: bool = False


@dataclass(frozen=True, slots=True)
class OfferChange:
    """A partial change of an offer (RFC 7396 in spirit): a field that is None stays as it is.

    `clear_max_detour_m` removes the limit in metres and `clear_price` the driver's own price, which None cannot say.
    """

    origin: PlaceInput | None = None
    destination: PlaceInput | None = None
    departure: datetime | None = None
    seats: int | None = None
    flexibility_s: int | None = None
    max_detour_s: int | None = None
    max_detour_m: int | None = None
    clear_max_detour_m: bool = False
    via: tuple[PlaceInput, ...] | None = None
    preferences: Mapping[str, bool] | None = None
    comment: str | None = None
    instant_booking: bool | None = None
    price: Money | None = None
    clear_price: bool = False
    women_only: bool | None = None
    show_door: bool | None = None

    def laid_over(self, offer: Offer, now: datetime) -> Offer:
        """The offer one version later with the fields that need no roads; its riders are not considered yet."""
        names = ("departure", "max_detour_s", *STATED)
        new: dict[str, Any] = {name: value for name in names if (value := getattr(self, name)) is not None}
        new |= {name: None for name in CLEARABLE if getattr(self, f"clear_{name}")}
        added = 0 if self.seats is None else self.seats - offer.seats_offered
        return replace(
            offer,
            version=offer.version + 1,
            seats_offered=offer.seats_offered + added,
            seats_left=offer.seats_left + added,
            updated_at=now,
            **new,
        )


@dataclass(frozen=True, slots=True)
class Doors:
    """Where a driver really goes: for nobody but the driver.

    `lead_ms`: the drive from the driver's own origin to the place where others see the trip begin.
    """

    origin: Place
    via: tuple[Place, ...]
    destination: Place
    lead_ms: int = 0

    @property
    def places(self) -> tuple[Place, ...]:
        """In driving order."""
        return (self.origin, *self.via, self.destination)


@dataclass(frozen=True, slots=True)
class Offer:
    """A published trip, as stored. Times are aware and keep the offset (or zone) they came in.

    `origin`, `via` and `destination` are public: everything that another person gets is computed from them. `doors` are
    where the driver really goes, None where that is public as well, because of `show_door` or because the region has no
    public points. `departure` is when the trip leaves its public origin.

    `duration_ms` and `length_cm` are those of the fastest drive origin → via… → destination without riders, valid for
    the region whose fingerprint is `region_fingerprint`. `version` starts at 1 and grows by one with every change.

    `seats_left` are free all the way, on the leg with most riders; other legs may have more (`seats_by_leg`).
    `booked_stops` is empty, or all stops between origin and destination in driving order, the `via` places among them.
    `departure` is the published one; bookings may have moved the trip by `departure_shift_ms`, within the flexibility.
    `instant_booking`: a booking that fits is confirmed at once, without asking the driver. `women_only`: only riders
    who share that they are women are carried; `driver_is_woman` is what the driver chose to share. `price` is what the
    driver asks for a seat from end to end; None leaves it to the suggestion.
    """

    id: UUID
    driver_id: str
    region: str
    region_fingerprint: str
    status: OfferStatus
    version: int
    origin: Place
    destination: Place
    via: tuple[Place, ...]
    departure: datetime
    flexibility_s: int
    seats_offered: int
    seats_left: int
    max_detour_s: int
    max_detour_m: int | None
    preferences: Mapping[str, bool]
    comment: str
    duration_ms: int
    length_cm: int
    created_at: datetime
    updated_at: datetime
    booked_stops: tuple[Stop, ...] = ()
    departure_shift_ms: int = 0
    instant_booking: bool = False
    women_only: bool = False
    driver_is_woman: bool = False
    price: Money | None = None
    show_door: bool = False
    doors: Doors | None = None

    @property
    def own(self) -> Doors:
        """Where the driver really goes."""
        return self.doors or Doors(self.origin, self.via, self.destination)

    @property
    def leave_home_at(self) -> datetime | None:
        """When the driver leaves their own origin, as things stand; None where the trip begins there."""
        return (
            None if self.doors is None else later(self.planned_departure, -timedelta(milliseconds=self.doors.lead_ms))
        )

    @property
    def stated(self) -> TripFields:
        """What its driver states of it, the detour as it was computed where none was stated."""
        as_stated = {name: getattr(self, name) for name in STATED}
        return TripFields(seats=self.seats_offered, max_detour_s=self.max_detour_s, **as_stated)

    @property
    def stops(self) -> tuple[Stop, ...]:
        """The whole itinerary, origin and destination included."""
        between = self.booked_stops or tuple(Stop(StopKind.VIA, place) for place in self.via)
        return (Stop(StopKind.ORIGIN, self.origin), *between, Stop(StopKind.DESTINATION, self.destination))

    @property
    def planned_departure(self) -> datetime:
        """When the driver leaves, as things stand."""
        return later(self.departure, timedelta(milliseconds=self.departure_shift_ms))

    @property
    def arrival(self) -> datetime:
        """When the driver arrives without riders, rounded to the second, in the departure's offset."""
        return later(self.departure, timedelta(seconds=round(self.duration_ms / 1000)))

    @property
    def latest_arrival(self) -> datetime:
        """After this moment the trip is over, however late it left and however long its detour."""
        return later(self.arrival, timedelta(seconds=self.flexibility_s + self.max_detour_s))


def default_max_detour_s(duration_ms: int) -> int:
    """20 % of the drive, at least 300 s, at most 1800 s."""
    return int(min(DETOUR_CEILING_S, max(DETOUR_FLOOR_S, round(DETOUR_SHARE * duration_ms / 1000))))


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """How far an instance has read the changes of offers. Opaque; good for one run of one server."""

    snapshot: str
    times_forgotten: int
    server: str


@dataclass(frozen=True, slots=True)
class OfferChanges:
    """The offers that were changed after a position, each once, and the position after them.

    `last_seq` numbers the newest change.

    `missed`: some changes have been forgotten since, or the server is not the same any more: all offers must be read
    anew.
    """

    offer_ids: tuple[UUID, ...]
    position: FeedPosition
    last_seq: int
    missed: bool = False
