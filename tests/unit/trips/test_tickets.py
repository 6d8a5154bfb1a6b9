"""Match ids: read back what was signed, and refuse whatever was not signed here or is too old."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from uuid import UUID

import jwt
import pytest

from matcher.domain.errors.tree import MatchTokenInvalid
from matcher.domain.match import Fare, PriceKind, TimeWindow, WindowKind
from matcher.domain.money import Money
from matcher.domain.place import Coordinate, RoadPosition
from matcher.trips.tickets import MatchTicket, MatchTokens, TicketPoint, roads_digest

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
SECRET = b"s" * 32
BOARDS = datetime(2026, 12, 1, 7, 45, 0, 250_000, tzinfo=timezone(timedelta(hours=-3)))
TICKET = MatchTicket(
    rider_id="rita",
    offer_id=UUID(int=2**127 + 1),
    version=3,
    seats=2,
    roads=roads_digest("some roads"),
    pickup=TicketPoint(
        Coordinate(lat=-29.95, lon=-71.34), "Avenida Ñuble 7 «B»", RoadPosition(17, 0.1 + 0.2), 14_000, 108_000, BOARDS
    ),
    dropoff=TicketPoint(Coordinate(lat=0.0, lon=0.0), "", RoadPosition(0, 1.0), 0, 0, BOARDS + timedelta(minutes=9)),
    window=TimeWindow(BOARDS - timedelta(minutes=15), BOARDS + timedelta(minutes=30)),
    window_kind=WindowKind.ARRIVAL,
    rider_is_woman=True,
    direct_cm=912_345,
    fare=Fare(Money(250, "CLP"), PriceKind.SUGGESTED),
)


@pytest.fixture
def tokens() -> MatchTokens:
    return MatchTokens(SECRET, timedelta(minutes=15))


def test_a_ticket_comes_back_whole(tokens: MatchTokens) -> None:
    read = tokens.read(tokens.sign(TICKET, NOW), NOW)
    assert read == TICKET
    assert read.pickup.time.utcoffset() == read.window.latest.utcoffset() == timedelta(hours=-3)


def test_an_id_stays_short_and_is_read_with_as_much_of_the_labels_as_fits(tokens: MatchTokens) -> None:
    long = replace(TICKET.pickup, label="😀" * 200)
    worst = replace(
        TICKET, rider_id="r" * 200, pickup=long, dropoff=replace(long, label="x" * 500), search_id=UUID(int=7)
    )
    token = tokens.sign(worst, NOW)
    assert len(token) < 1280
    read = tokens.read(token, NOW)
    assert read.pickup.label == "😀" * 9
    assert read.dropoff.label == "x" * 118


def test_an_id_says_nothing_that_the_rider_has_not_seen(tokens: MatchTokens) -> None:
    body = tokens.sign(TICKET, NOW).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    told = {
        "aud",
        "sub",
        "exp",
        "offer",
        "version",
        "seats",
        "roads",
        "from",
        "to",
        "window",
        "offset",
        "women",
        "direct",
        "fare",
    }
    assert claims.keys() == told


def test_an_id_of_an_older_version_of_the_service_is_refused_and_not_a_fault(tokens: MatchTokens) -> None:
    claims = {"sub": "rita", "exp": NOW + timedelta(hours=1), "aud": "match", "offer": "0" * 32, "at": "2026-12-01"}
    with pytest.raises(MatchTokenInvalid, match="another version"):
        tokens.read(jwt.encode(claims, SECRET, algorithm="HS256"), NOW)


def test_a_ticket_is_good_until_its_lifetime_is_over(tokens: MatchTokens) -> None:
    token = tokens.sign(TICKET, NOW)
    assert tokens.read(token, NOW + timedelta(minutes=15)) == TICKET
    with pytest.raises(MatchTokenInvalid, match="has expired"):
        tokens.read(token, NOW + timedelta(minutes=15, seconds=1))


def test_one_changed_character_anywhere_is_seen(tokens: MatchTokens) -> None:
    token = tokens.sign(TICKET, NOW)
    for k, old in enumerate(token):
        if k == len(token) - 1:
            continue  # the last character of base64 carries bits that mean nothing
        new = "A" if old != "A" else "B"
        with pytest.raises(MatchTokenInvalid):
            tokens.read(token[:k] + new + token[k + 1 :], NOW)


def test_claims_cannot_be_rewritten_nor_the_signature_left_out(tokens: MatchTokens) -> None:
    header, body, signature = tokens.sign(TICKET, NOW).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["seats"] = 1
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    for token in (
        f"{header}.{forged}.{signature}",
        f"{header}.{body}.",
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, b"x" * 32, algorithm="HS256"),
        jwt.encode(claims, SECRET * 2, algorithm="HS512"),
    ):
        with pytest.raises(MatchTokenInvalid):
            tokens.read(token, NOW)


def test_tokens_for_another_purpose_under_the_same_secret_are_refused(tokens: MatchTokens) -> None:
    claims = {"sub": "rita", "exp": NOW + timedelta(hours=1), "aud": "session"}
    for other in (claims, {**claims, "aud": None}, {"sub": "rita", "aud": "match"}):
        with pytest.raises(MatchTokenInvalid):
            tokens.read(jwt.encode({k: v for k, v in other.items() if v}, SECRET, algorithm="HS256"), NOW)


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.c", "….….…", "é" * 40, "." * 10, " "])
def test_what_is_no_token_at_all_is_refused(tokens: MatchTokens, text: str) -> None:
    with pytest.raises(MatchTokenInvalid):
        tokens.read(text, NOW)


def test_another_servers_secret_does_not_open_it(tokens: MatchTokens) -> None:
    with pytest.raises(MatchTokenInvalid):
        MatchTokens(b"t" * 32, timedelta(minutes=15)).read(tokens.sign(TICKET, NOW), NOW)


def test_while_the_secret_is_changed_no_instance_refuses_anothers_ids() -> None:
    """Old alone, old that accepts new, new that accepts old, new alone: neighbours run at the same time."""
    old, new, lifetime = b"o" * 32, b"n" * 32, timedelta(minutes=15)
    steps = [
        MatchTokens(old, lifetime),
        MatchTokens(old, lifetime, [new]),
        MatchTokens(new, lifetime, [old]),
        MatchTokens(new, lifetime),
    ]
    for one, other in pairwise(steps[:3]):
        assert one.read(other.sign(TICKET, NOW), NOW) == other.read(one.sign(TICKET, NOW), NOW) == TICKET
    assert steps[3].read(steps[2].sign(TICKET, NOW), NOW) == TICKET
    with pytest.raises(MatchTokenInvalid, match="not issued by this service"):
        steps[3].read(steps[1].sign(TICKET, NOW), NOW)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        MatchTokens(b"s" * 31, timedelta(minutes=15))
