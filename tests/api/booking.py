"""What tests of bookings do over and over: search, ask, move."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.api.live import Answer, Live, a_search, around


async def match_of(live: Live, rider: str, offer: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The match that a search of `rider` finds in an offer."""
    day = datetime.fromisoformat(offer["departure"])
    found = await live.call("POST", "/v1/match", rider, json=a_search(departure=around(day), limit=50) | changes)
    assert found.status == 200, found.body
    (match,) = [match for match in found.json["matches"] if match["offer_id"] == offer["id"]]
    return dict(match)


async def ask(live: Live, rider: str, match: dict[str, Any], *, key: str | None = None, **changes: Any) -> Answer:
    """Ask for the seats of a match."""
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"match_id": match["match_id"]} | changes
    return await live.call("POST", "/v1/bookings", rider, json=body, headers=headers)


async def asked(live: Live, rider: str, offer: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The booking that `rider` has asked for on an offer."""
    answer = await ask(live, rider, await match_of(live, rider, offer, **changes))
    assert answer.status == 201, answer.body
    booking: dict[str, Any] = answer.json
    return booking


async def move(live: Live, token: str, booking: dict[str, Any], status: str, *, tag: str = "*", **body: Any) -> Answer:
    """Move a booking to a state; any version unless `tag` names one."""
    return await live.call(
        "PATCH", f"/v1/bookings/{booking['id']}", token, json={"status": status} | body, headers={"If-Match": tag}
    )


async def seen(live: Live, token: str, booking: dict[str, Any]) -> dict[str, Any]:
    """The booking as its reader sees it now."""
    answer = await live.call("GET", f"/v1/bookings/{booking['id']}", token)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found
