"""Match ids: what a rider was offered, signed, so that a booking can quote it and nothing need be stored meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from matcher.domain.errors import MatchTokenInvalid
from matcher.domain.place import Coordinate

_ALGORITHM = "HS256"
_AUDIENCE = "match"


@dataclass(frozen=True, slots=True)
class MatchTicket:
    """What a match id stands for. It says what was asked and of which version of the offer; a booking checks all of it again."""

    rider_id: str
    offer_id: UUID
    version: int
    seats: int
    pickup: Coordinate
    dropoff: Coordinate
    pickup_time: datetime


class MatchTokens:
    """Signs and reads match ids: JSON Web Tokens (RFC 7519) under HMAC-SHA256 with a secret of 32 bytes or more."""

    def __init__(self, secret: bytes, lifetime: timedelta) -> None:
        if len(secret) < 32:
            raise ValueError("the secret for match ids must have at least 32 bytes")
        self._secret = secret
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
            "from": [ticket.pickup.lat, ticket.pickup.lon],
            "to": [ticket.dropoff.lat, ticket.dropoff.lon],
            "at": ticket.pickup_time.isoformat(),
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def read(self, token: str, now: datetime) -> MatchTicket:
        """What was signed. Raises MatchTokenInvalid when it was not signed here, was changed, or its time has passed."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                options={"require": ["exp", "sub", "aud"], "verify_exp": False},
            )
        except jwt.InvalidTokenError as error:
            raise MatchTokenInvalid("this match id was not given out by this service: search again") from error
        if claims["exp"] < now.timestamp():
            raise MatchTokenInvalid("this match id is too old: search again")
        return MatchTicket(
            rider_id=claims["sub"],
            offer_id=UUID(claims["offer"]),
            version=claims["version"],
            seats=claims["seats"],
            pickup=Coordinate(lat=claims["from"][0], lon=claims["from"][1]),
            dropoff=Coordinate(lat=claims["to"][0], lon=claims["to"][1]),
            pickup_time=datetime.fromisoformat(claims["at"]),
        )
