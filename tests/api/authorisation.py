"""The table of who may make which call: one row for each row of `api/routes.py`. `test_authorisation.py` tries all of
them.

To add a call: one `Row`. `may` are the roles it is open to, everybody else gets 403. `good` is what the owner gets. A
call on something that belongs to somebody names a maker, which makes one for the caller; then `on_others` is what the
same roles get on another person's thing, and `any_of` the roles that may see anybody's. A maker is a function in this
file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from matcher.domain.principal import Role
from tests.api.booking import asked
from tests.api.live import LA_SERENA, TONGOY_ROAD, Live, a_search, an_offer, quiet_morning

DRIVERS = frozenset({Role.DRIVER, Role.PARTNER, Role.ADMIN})
RIDERS = frozenset({Role.RIDER, Role.PARTNER, Role.ADMIN})
OPERATORS = frozenset({Role.OPS, Role.ADMIN})
EVERYBODY = frozenset(Role)

_SERIES = {
    "origin": TONGOY_ROAD, "destination": LA_SERENA, "weekdays": ["SU"], "departure": "03:20", "seats": 3,
    "max_detour_s": 900,
}  # fmt: skip
_WEBHOOK = {"url": "http://127.0.0.1:9/nobody-listens"}

#: Makes a thing of the caller's, by a key of theirs with the role given, and tells the parameters of its path.
Maker = Callable[[Live, str, Role], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True)
class Row:
    """One call."""

    method: str
    path: str
    may: AbstractSet[Role]
    good: int
    make: Maker | None = None
    on_others: int = 404
    any_of: AbstractSet[Role] = frozenset()
    query: str = ""
    sent: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As in the URL table."""
        return f"{self.method} {self.path}"


async def an_offer_of_theirs(live: Live, token: str, _role: Role) -> Mapping[str, str]:
    """A trip."""
    return {"offer_id": (await live.published(token))["id"]}


async def a_booking_of_theirs(live: Live, token: str, role: Role) -> Mapping[str, str]:
    """Seats on a trip of theirs that somebody asks for, or that a rider asks for on somebody's trip."""
    other = await live.key("driver" if role is Role.RIDER else "rider")
    driver, rider = (other, token) if role is Role.RIDER else (token, other)
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    return {"booking_id": (await asked(live, rider, offer))["id"]}


async def a_request_of_theirs(live: Live, token: str, _role: Role) -> Mapping[str, str]:
    """A search that waits."""
    made = await live.call("POST", "/v1/requests", token, json=a_search())
    assert made.status == 201, made.body
    return {"request_id": made.json["id"]}


async def a_series_of_theirs(live: Live, token: str, _role: Role) -> Mapping[str, str]:
    """A trip that comes again."""
    made = await live.call("POST", "/v1/series", token, json=_SERIES)
    assert made.status == 201, made.body
    return {"series_id": made.json["id"]}


async def a_webhook_of_theirs(live: Live, token: str, _role: Role) -> Mapping[str, str]:
    """Where their events go."""
    made = await live.call("POST", "/v1/webhooks", token, json=_WEBHOOK)
    assert made.status == 201, made.body
    return {"webhook_id": made.json["id"]}


async def no_delivery(_live: Live, _token: str, _role: Role) -> Mapping[str, str]:
    """The number of a delivery that is not there; whose deliveries are whose, test_webhooks.py tells."""
    return {"delivery_number": "999999999"}


async def somebody(_live: Live, _token: str, _role: Role) -> Mapping[str, str]:
    """A name, which may be anybody's."""
    return {"user": "somebody"}


ROWS: tuple[Row, ...] = (
    Row("POST", "/v1/offers", DRIVERS, 201, sent={"json": an_offer()}),
    Row("GET", "/v1/offers", DRIVERS | OPERATORS, 200),
    Row("GET", "/v1/offers/{offer_id}", DRIVERS, 200, an_offer_of_theirs, any_of=OPERATORS),
    Row("PATCH", "/v1/offers/{offer_id}", DRIVERS, 200, an_offer_of_theirs,
        sent={"json": {"seats": 2}, "headers": {"If-Match": "*"}}),
    Row("DELETE", "/v1/offers/{offer_id}", DRIVERS, 200, an_offer_of_theirs),
    Row("POST", "/v1/series", DRIVERS, 201, sent={"json": _SERIES}),
    Row("GET", "/v1/series", DRIVERS | OPERATORS, 200),
    Row("GET", "/v1/series/{series_id}", DRIVERS, 200, a_series_of_theirs, any_of=OPERATORS),
    Row("PATCH", "/v1/series/{series_id}", DRIVERS, 200, a_series_of_theirs,
        sent={"json": {"seats": 2}, "headers": {"If-Match": "*"}}),
    Row("DELETE", "/v1/series/{series_id}", DRIVERS, 200, a_series_of_theirs),
    Row("POST", "/v1/match", RIDERS, 200, sent={"json": a_search()}),
    Row("POST", "/v1/requests", RIDERS, 201, sent={"json": a_search()}),
    Row("GET", "/v1/requests", RIDERS, 200),
    Row("GET", "/v1/requests/{request_id}", RIDERS, 200, a_request_of_theirs, any_of=OPERATORS),
    Row("GET", "/v1/requests/{request_id}/matches", RIDERS, 200, a_request_of_theirs),
    Row("DELETE", "/v1/requests/{request_id}", RIDERS, 204, a_request_of_theirs),
    Row("GET", "/v1/offers/{offer_id}/requests", DRIVERS, 200, an_offer_of_theirs, any_of=OPERATORS),
    Row("POST", "/v1/bookings", RIDERS, 422, sent={"json": {"match_id": "none.of.ours"}}),
    Row("GET", "/v1/bookings", EVERYBODY, 200),
    Row("GET", "/v1/bookings/{booking_id}", DRIVERS | RIDERS, 200, a_booking_of_theirs, any_of=OPERATORS),
    Row("PATCH", "/v1/bookings/{booking_id}", DRIVERS | RIDERS, 200, a_booking_of_theirs, any_of=OPERATORS,
        sent={"json": {"status": "CANCELLED"}, "headers": {"If-Match": "*"}}),
    Row("GET", "/v1/events", EVERYBODY, 200),
    Row("POST", "/v1/webhooks", EVERYBODY, 201, sent={"json": _WEBHOOK}),
    Row("GET", "/v1/webhooks", EVERYBODY, 200),
    Row("GET", "/v1/webhooks/deliveries", EVERYBODY, 200),
    Row("POST", "/v1/webhooks/deliveries/{delivery_number}/replay", EVERYBODY, 404, no_delivery),
    Row("GET", "/v1/webhooks/{webhook_id}", EVERYBODY, 200, a_webhook_of_theirs, any_of=OPERATORS),
    Row("PATCH", "/v1/webhooks/{webhook_id}", EVERYBODY, 200, a_webhook_of_theirs, any_of={Role.ADMIN},
        sent={"json": {"description": "x"}, "headers": {"If-Match": "*"}}),
    Row("DELETE", "/v1/webhooks/{webhook_id}", EVERYBODY, 204, a_webhook_of_theirs, any_of={Role.ADMIN}),
    Row("POST", "/v1/webhooks/{webhook_id}/secret", EVERYBODY, 200, a_webhook_of_theirs, any_of={Role.ADMIN}),
    Row("GET", "/metrics", OPERATORS, 200),
    Row("GET", "/v1/stats/matches", OPERATORS, 200),
    Row("GET", "/v1/stats/demand", OPERATORS, 200),
    Row("GET", "/v1/stats/wanted", OPERATORS, 200),
    Row("GET", "/v1/stats/offers", OPERATORS, 200),
    Row("POST", "/v1/stats/replays", OPERATORS, 200, sent={"json": {"search": a_search()}}),
    Row("GET", "/v1/me", EVERYBODY, 200),
    Row("PATCH", "/v1/me", EVERYBODY, 200, sent={"json": {"share_gender": "woman"}}),
    Row("GET", "/v1/me/export", EVERYBODY, 200),
    Row("DELETE", "/v1/me", EVERYBODY, 204),
    Row("GET", "/v1/me/blocks", EVERYBODY, 200),
    Row("POST", "/v1/me/blocks", EVERYBODY, 404, sent={"json": {"offer_id": str(UUID(int=0))}}),
    Row("PUT", "/v1/me/blocks/{user}", EVERYBODY, 200, somebody, on_others=200),
    Row("DELETE", "/v1/me/blocks/{user}", EVERYBODY, 204, somebody, on_others=204),
    Row("GET", "/v1/geocode", EVERYBODY, 200, query="?q=balmaceda"),
    Row("GET", "/v1/reverse", EVERYBODY, 200, query="?lat=-29.95&lon=-71.34"),
)  # fmt: skip
