"""API keys over the wire: how they are sent, and when they stop being good.

Who may call what: `test_authorisation.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from api.app_keys import LIFETIME
from matcher.domain.principal import Role
from tests.api.live import Live


async def test_roles_are_checked_before_the_body(live: Live, rider: str, driver: str) -> None:
    assert (await live.call("POST", "/v1/offers", rider, data=b"{")).status == 403
    assert (await live.call("POST", "/v1/match", driver, data=b"{")).status == 403


async def test_the_scheme_may_be_written_in_any_case(live: Live, driver: str) -> None:
    for scheme in ("bearer", "BEARER"):
        answer = await live.call("GET", "/v1/offers", headers={"Authorization": f"{scheme} {driver}"})
        assert answer.status == 200


async def test_two_credentials_are_none(live: Live, driver: str, rider: str) -> None:
    head = (
        f"GET /v1/offers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {driver}\r\nAuthorization: Bearer {rider}\r\n\r\n"
    )
    status, _, _ = await live.raw(head.encode())
    assert status in {400, 401}


async def test_a_key_with_another_secret(live: Live, driver: str) -> None:
    forged = driver[:-1] + ("A" if driver[-1] != "A" else "B")
    assert (await live.call("GET", "/v1/offers", forged)).status == 401


async def test_a_key_that_has_expired(live: Live) -> None:
    keys = live.app[LIFETIME].carpool.manage_keys
    token, _ = await keys.create("eve", Role.DRIVER, datetime.now(UTC) - timedelta(hours=2), timedelta(hours=1))
    assert (await live.call("GET", "/v1/offers", token)).status == 401


async def test_a_key_that_was_revoked(live: Live) -> None:
    keys = live.carpool.manage_keys
    token, key = await keys.create("mallory", Role.DRIVER, datetime.now(UTC), None)
    await keys.revoke(key.id, datetime.now(UTC))
    assert (await live.call("GET", "/v1/offers", token)).status == 401
