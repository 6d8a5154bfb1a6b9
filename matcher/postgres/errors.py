"""Turns errors of PostgreSQL and its driver into domain errors, by SQLSTATE and name of the constraint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from matcher.domain.errors.bookings import BookingExists, OwnOffer
from matcher.domain.errors.tree import CarpoolError, Conflict, DatabaseUnavailable, Fault, InvalidField, SeatsExhausted

#: The error of each constraint that a caller can violate. Others guard against defects and stay internal errors.
_BY_CONSTRAINT: dict[str, tuple[type[CarpoolError], str, str | None]] = {
    "offers_pk": (Conflict, "an offer with this id exists already", None),
    "offers_driver_short": (InvalidField, "a user's name has 1 to 200 characters", None),
    "offers_comment_short": (InvalidField, "a comment has at most 500 characters", "/comment"),
    "offers_seats_left_in_range": (SeatsExhausted, "fewer seats are left than that", None),
    "offers_via_is_list": (InvalidField, "there are too many places on the way", "/via"),
    "offer_stops_no_oversold_leg": (SeatsExhausted, "not enough seats are left on this ride", None),
    "bookings_one_open": (BookingExists, "you already have an open booking of this offer: change that one", None),
    "bookings_not_own": (OwnOffer, "this offer is your own", None),
    "bookings_note_short": (InvalidField, "a note has at most 500 characters", "/note"),
    "api_keys_pk": (Conflict, "an API key with this id exists already", None),
    "api_keys_user_short": (InvalidField, "a user's name has 1 to 200 characters", "/user"),
    "idempotency_keys_owner_short": (InvalidField, "a user's name has 1 to 200 characters", None),
    "idempotency_keys_key_short": (InvalidField, "an Idempotency-Key has 1 to 255 characters", None),
}

#: SQLSTATE classes (first two characters) and codes that mean "not now" (PostgreSQL manual, appendix A).
_UNAVAILABLE: dict[str, str] = {
    "08": "the connection to the database was lost",
    "25006": "the database is read-only at the moment",
    "28": "the database refuses this service's credentials",
    "3D": "the database does not exist",
    "40": "the database undid the change because of others made at the same time",
    "53": "the database is out of connections, memory or space",
    "55P03": "the database is held up by another change",
    "57014": "the database took too long",
    "57": "the database is stopping or starting",
    "58": "the database's machine has a fault",
}


@contextmanager
def domain_errors() -> Iterator[None]:
    """Turn errors of PostgreSQL and its driver into domain errors; defects of ours stay as they are."""
    try:
        yield
    except asyncpg.PostgresError as error:
        translated = _translate(error)
        if translated is None:
            raise
        raise translated from error
    except asyncpg.InternalClientError as error:
        # The driver raises this when a connection dies in the middle of a statement.
        raise DatabaseUnavailable("the connection to the database was lost") from error
    except asyncpg.InterfaceError as error:
        # The driver has no class for a closed connection or pool; its other errors are defects of ours.
        if "clos" not in str(error):
            raise
        raise DatabaseUnavailable("the connection to the database was lost") from error
    except TimeoutError as error:
        raise DatabaseUnavailable("the database took too long") from error
    except OSError as error:
        raise DatabaseUnavailable("the database cannot be reached") from error


def _translate(error: asyncpg.PostgresError) -> CarpoolError | None:
    constraint: str | None = getattr(error, "constraint_name", None)
    if constraint in _BY_CONSTRAINT:
        kind, sentence, pointer = _BY_CONSTRAINT[constraint]
        return kind(sentence, faults=[] if pointer is None else [Fault(pointer, sentence)])
    state: str = getattr(error, "sqlstate", None) or ""
    if state.startswith("22"):  # data exception, also the driver's own when it cannot even send a value
        return InvalidField("a value cannot be stored: it is out of range, or contains an invalid character")
    detail = _UNAVAILABLE.get(state) or _UNAVAILABLE.get(state[:2])
    return None if detail is None else DatabaseUnavailable(detail)
