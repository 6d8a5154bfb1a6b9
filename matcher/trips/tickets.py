"""Match ids: what a rider was offered, signed, so that a booking can quote it and nothing need be stored meanwhile."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import jwt

from matcher.domain.errors.tree import MatchTokenInvalid
from matcher.domain.match import Fare, MeetingPoint, PriceKind, TimeWindow, WindowKind
from matcher.domain.money import Money
from matcher.domain.place import Coordinate, RoadPosition

_ALGORITHM = "HS256"
_AUDIENCE = "match"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The most that one label may take, so that an id stays below 1,280 bytes.
_LABEL_BYTES = 120


@dataclass(frozen=True, slots=True)
class TicketPoint:
    """Where and when the rider boards or alights, as the match says, and where on the road that is."""

    coordinate: Coordinate
    label: str
    position: RoadPosition
    walk_cm: int
    walk_ms: int
    time: datetime

    @classmethod
    def of(cls, point: MeetingPoint, position: RoadPosition) -> TicketPoint:
        return cls(
            point.coordinate, point.label, position, round(point.walk_m * 100), round(point.walk_s * 1000), point.time
        )


@dataclass(frozen=True, slots=True)
class MatchTicket:
    """What a match id stands for: what was asked, of which version of the offer, and where and when the two would meet.

    A booking checks all of it again. The rider can read it: nothing is in it that the rider has not said or the match
    does not show. `roads` tells the roads for which positions hold from others (see `roads_digest`).
    """

    rider_id: str
    offer_id: UUID
    version: int
    seats: int
    roads: str
    pickup: TicketPoint
    dropoff: TicketPoint
    window: TimeWindow
    window_kind: WindowKind
    women_only: bool = False
    rider_is_woman: bool = False
    search_id: UUID | None = None  # None when the search is not noted
    direct_cm: int = 0  # the rider's own way by car
    fare: Fare | None = None


class MatchTokens:
    """Signs and reads match ids: JSON Web Tokens (RFC 7519) under HMAC-SHA256 with a secret of 32 bytes or more.

    Ids signed with one of `others` are believed too: the secret is being changed.
    """

    def __init__(self, secret: bytes, lifetime: timedelta, others: Sequence[bytes] = ()) -> None:
        self._secrets = (secret, *others)
        if any(len(one) < 32 for one in self._secrets):
            raise ValueError("the secret for match ids must have at least 32 bytes")
        self._lifetime = lifetime

    def sign(self, ticket: MatchTicket, now: datetime) -> str:
        """An id that is good until `now` plus the lifetime."""
        claims: dict[str, Any] = {
            "aud": _AUDIENCE,
            "sub": ticket.rider_id,
            "exp": now + self._lifetime,
            "offer": ticket.offer_id.hex,
            "version": ticket.version,
            "seats": ticket.seats,
            "roads": ticket.roads,
            "from": _to_claim(ticket.pickup),
            "to": _to_claim(ticket.dropoff),
            "window": [ticket.window_kind.value, *map(_to_ms, (ticket.window.earliest, ticket.window.latest))],
            "offset": round((ticket.pickup.time.utcoffset() or timedelta(0)).total_seconds()),
            "women": [ticket.women_only, ticket.rider_is_woman],
            "direct": ticket.direct_cm,
        }
        if ticket.search_id is not None:
            claims["search"] = ticket.search_id.hex
        if ticket.fare is not None:
            claims["fare"] = [ticket.fare.money.minor, ticket.fare.money.currency, ticket.fare.kind.value]
        return jwt.encode(claims, self._secrets[0], algorithm=_ALGORITHM)

    def read(self, token: str, now: datetime) -> MatchTicket:
        """What was signed.

        Raises MatchTokenInvalid when it was not signed here, was changed, or its time has passed.
        """
        claims = self._claims(token)
        if claims["exp"] < now.timestamp():
            raise MatchTokenInvalid("this match id has expired: search again")
        try:
            return _to_ticket(claims)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise MatchTokenInvalid(
                "this match id was issued by another version of this service: search again"
            ) from error

    def _claims(self, token: str) -> dict[str, Any]:
        refused: jwt.InvalidTokenError | None = None
        for secret in self._secrets:
            try:
                claims: dict[str, Any] = jwt.decode(
                    token,
                    secret,
                    algorithms=[_ALGORITHM],
                    audience=_AUDIENCE,
                    options={"require": ["exp", "sub", "aud"], "verify_exp": False},
                )
                return claims
            except jwt.InvalidTokenError as error:
                refused = error
        raise MatchTokenInvalid("this match id was not issued by this service: search again") from refused


def roads_digest(fingerprint: str) -> str:
    """A few characters that tell one state of the roads from another."""
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:12]


def _to_ticket(claims: dict[str, Any]) -> MatchTicket:
    zone = timezone(timedelta(seconds=claims["offset"]))
    kind, earliest_ms, latest_ms = claims["window"]
    women_only, rider_is_woman = claims["women"]
    return MatchTicket(
        rider_id=claims["sub"],
        offer_id=UUID(claims["offer"]),
        version=claims["version"],
        seats=claims["seats"],
        roads=claims["roads"],
        pickup=_to_point(claims["from"], zone),
        dropoff=_to_point(claims["to"], zone),
        window=TimeWindow(_moment(earliest_ms, zone), _moment(latest_ms, zone)),
        window_kind=WindowKind(kind),
        women_only=women_only,
        rider_is_woman=rider_is_woman,
        search_id=UUID(claims["search"]) if "search" in claims else None,
        direct_cm=claims["direct"],
        fare=_to_fare(claims["fare"]) if "fare" in claims else None,
    )


def _to_fare(claim: list[Any]) -> Fare:
    minor, currency, kind = claim
    return Fare(Money(minor, currency), PriceKind(kind))


def _to_claim(point: TicketPoint) -> list[Any]:
    label = point.label
    while len(json.dumps(label)) > _LABEL_BYTES:  # letters beyond ASCII take up to twelve bytes
        label = label[:-1]
    at, road = point.coordinate, point.position
    return [at.lat, at.lon, road.edge, road.fraction, point.walk_cm, point.walk_ms, _to_ms(point.time), label]


def _to_point(claim: list[Any], zone: timezone) -> TicketPoint:
    lat, lon, edge, fraction, walk_cm, walk_ms, at_ms, label = claim
    return TicketPoint(
        Coordinate(lat=lat, lon=lon), label, RoadPosition(edge, fraction), walk_cm, walk_ms, _moment(at_ms, zone)
    )


def _to_ms(moment: datetime) -> int:
    return round((moment - _EPOCH) / timedelta(milliseconds=1))


def _moment(at_ms: int, zone: timezone) -> datetime:
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)
