"""Everything that is held on one person is handed out in one call and erased in one call, and nothing of them is
left anywhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from matcher.check.bookings import PostgresBookingLedger
from matcher.domain.errors.tree import InvalidField
from matcher.domain.principal import Role
from matcher.postgres.pool import Database
from matcher.privacy.store import HELD
from tests.api.booking import asked, match_of, move, seen
from tests.api.live import HALF_WAY, Live, a_search, an_offer, around, quiet_morning

#: Where the words of a person may stand besides the rows that HELD names: rows that belong to one of those.
_PARTS = {"offer_stops", "webhook_deliveries"}
#: Kept by whoever made it: it is their wish, and it protects them.
_STAYS = {("blocks", "blocked"), ("blocks", "reference")}


@pytest.fixture
async def tables(live: Live) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """The service's own database, for looking."""
    url = live.carpool.settings.storage.database_url
    assert url is not None
    connection = await asyncpg.connect(url.get_secret_value())
    yield connection
    await connection.close()


async def places_of(tables: asyncpg.Connection[asyncpg.Record], *words: str) -> set[tuple[str, str]]:
    """(table, column) wherever one of the words stands, in whatever kind of column."""
    columns = await tables.fetch(
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
    )
    found = set()
    for table, column, kind in columns:
        text = f"encode({column}, 'escape')" if kind == "bytea" else f'CAST("{column}" AS text)'
        for word in words:
            look = f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {text} LIKE $1)"  # noqa: S608  # names from the catalogue
            if await tables.fetchval(look, f"%{word}%"):
                found.add((table, column))
    return found


class Story:
    """What Edda has done: driven, ridden, blocked, shared, listened."""

    def __init__(self, live: Live, name: str) -> None:
        self.live, self.name = live, name

    async def lived(self) -> Story:
        """All of it."""
        live, name = self.live, self.name
        self.driver, self.rider = await live.key("driver", name), await live.key("rider", name)
        self.companion = await live.key("rider", f"{name[::-1]}-r")
        self.other_driver = await live.key("driver", f"{name[::-1]}-d")
        assert (await live.call("PATCH", "/v1/me", self.driver, json={"share_gender": "woman"})).status == 200
        via = [HALF_WAY]
        self.booked = await live.published(
            self.driver, departure=quiet_morning().isoformat(), comment=f"{name} drives a red car", via=via
        )
        self.ride = await asked(live, self.companion, self.booked)
        assert (await move(live, self.driver, self.ride, "CONFIRMED", note=f"greetings from {name}")).status == 200
        headers = {"Idempotency-Key": f"key-of-{name}"}
        alone = await live.call("POST", "/v1/offers", self.driver, json=an_offer(women_only=True), headers=headers)
        assert alone.status == 201, alone.body
        self.alone = alone.json
        theirs = await live.published(self.other_driver, departure=quiet_morning().isoformat())
        match = await match_of(live, self.rider, theirs)
        asked_for = await live.call(
            "POST", "/v1/bookings", self.rider, json={"match_id": match["match_id"], "note": f"I am {name}"}
        )
        self.seat = asked_for.json
        assert (await move(live, self.other_driver, self.seat, "CONFIRMED")).status == 200
        for path in (f"/v1/me/blocks/enemy-of-{name}", "/v1/me/blocks/somebody-else"):
            assert (await live.call("PUT", path, self.rider)).status == 200
        assert (await live.call("PUT", f"/v1/me/blocks/{name}", await live.key("rider"))).status == 200
        kept = await live.call("POST", "/v1/requests", self.rider, json=a_search(departure=around(quiet_morning())))
        assert kept.status == 201, kept.body
        self.kept = kept.json
        webhook = {"url": "http://127.0.0.1:9/hook", "description": f"hook of {name}"}
        assert (await live.call("POST", "/v1/webhooks", self.driver, json=webhook)).status == 201
        return self


async def test_an_export_holds_everything_and_nobody_else(live: Live) -> None:
    edda = await Story(live, "edda-exports").lived()
    answer = await live.call("GET", "/v1/me/export", edda.rider)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["X-Request-Id"]
    held = answer.json
    assert held["user"] == "edda-exports"
    assert set(held) - {"user", "exported_at"} == {
        "bookings", "offers", "events", "webhooks", "api_keys", "idempotency_keys", "people", "blocks", "requests",
    }  # fmt: skip
    assert [request["id"] for request in held["requests"]] == [edda.kept["id"]]
    assert {offer["id"] for offer in held["offers"]} == {edda.booked["id"], edda.alone["id"]}
    assert {offer["origin_lat"] for offer in held["offers"]} == {edda.booked["origin"]["lat"]}
    assert {(booking["id"], booking["side"]) for booking in held["bookings"]} == {
        (edda.ride["id"], "driver"), (edda.seat["id"], "rider"),
    }  # fmt: skip
    assert {block["reference"] for block in held["blocks"]} == {"enemy-of-edda-exports", "somebody-else"}
    assert held["people"][0]["shares"] == "woman"
    text = answer.body.decode()
    assert "stropxe" not in text, "the name of another person"
    for secret in ("digest", "secret", edda.rider.split("_", 2)[2]):
        assert secret not in text
    head = await live.call("HEAD", "/v1/me/export", edda.rider)
    assert (head.status, head.body) == (200, b"")


async def test_somebody_on_whom_nothing_is_held_gets_their_key_only(live: Live) -> None:
    held = (await live.call("GET", "/v1/me/export", await live.key("rider"))).json
    assert set(held) == {"user", "exported_at", "api_keys"}


async def test_an_export_shows_of_a_booking_what_reading_it_shows(live: Live) -> None:
    """To both sides, before it is confirmed and after; but for names, which are the other person's."""
    driver, rider = await live.key("driver"), await live.key("rider")
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    booking = await asked(live, rider, offer)
    for confirmed in (False, True):
        if confirmed:
            assert (await move(live, driver, booking, "CONFIRMED")).status == 200
        for token in (driver, rider):
            shown = await seen(live, token, booking)
            (held,) = (await live.call("GET", "/v1/me/export", token)).json["bookings"]
            for names in ("rider_id", "driver_id"):
                shown.pop(names, None)
            assert held == shown


async def test_erasing_leaves_nothing_anywhere(live: Live, tables: asyncpg.Connection[asyncpg.Record]) -> None:
    name = "edda-erased"
    edda = await Story(live, name).lived()
    before = await places_of(tables, name)
    covered = {table for held in HELD for table, _ in held.columns} | _PARTS
    assert {table for table, _ in before} <= covered, "a table holds the name that no one erases"
    assert {
        "offers",
        "bookings",
        "requests",
        "events",
        "webhooks",
        "api_keys",
        "idempotency_keys",
        "people",
        "blocks",
    } <= {table for table, _ in before}
    exact = [str(edda.booked["origin"]["lat"]), str(edda.booked["origin"]["lon"])]

    answer = await live.call("DELETE", "/v1/me", edda.rider)
    assert (answer.status, answer.body) == (204, b"")
    assert await places_of(tables, name) <= _STAYS
    # The others were told, and keep their own record: no name, no exact place, no words.
    gone = await seen(live, edda.companion, edda.ride)
    assert (gone["status"], gone["reason"]) == ("CANCELLED", "trip_cancelled")
    assert gone["driver_id"].startswith("erased:")
    assert name not in str(gone)
    freed = await seen(live, edda.other_driver, edda.seat)
    assert (freed["status"], freed["reason"]) == ("CANCELLED", "cancelled_by_rider")
    assert freed["rider_id"].startswith("erased:")
    assert freed["rider_id"] != gone["driver_id"] or freed["note"] == ""
    assert freed["note"] == ""
    assert freed["pickup"]["lat"] == round(freed["pickup"]["lat"], 2)
    row = await tables.fetchrow("SELECT to_jsonb(o) AS held FROM offers AS o WHERE id = $1", UUID(edda.booked["id"]))
    assert row is not None
    assert not any(number in row["held"] for number in exact)
    assert await tables.fetchval("SELECT count(*) FROM offers WHERE id = $1", UUID(edda.alone["id"])) == 0
    # The keys are gone, in this process at once.
    for token in (edda.rider, edda.driver):
        assert (await live.call("GET", "/v1/me", token)).status == 401
    for token, kind in ((edda.companion, "trip_cancelled"), (edda.other_driver, "booking_cancelled")):
        told = (await live.call("GET", "/v1/me/export", token)).json["events"]
        assert kind in {event["kind"] for event in told}
    proof = await tables.fetchrow("SELECT * FROM erasures ORDER BY erased_at DESC LIMIT 1")
    assert proof is not None
    assert "erased:" in proof["pseudonym"]
    assert name not in str(dict(proof))


async def test_erasing_twice_is_erasing_once(live: Live) -> None:
    for _ in range(2):
        assert (await live.call("DELETE", "/v1/me", await live.key("rider", "edda-twice"))).status == 204
    assert set((await live.call("GET", "/v1/me/export", await live.key("rider", "edda-twice"))).json) == {
        "user", "exported_at", "api_keys",
    }  # fmt: skip


async def test_when_both_sides_are_erased_nothing_of_their_ride_is_left(
    live: Live, tables: asyncpg.Connection[asyncpg.Record]
) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    booking = await asked(live, rider, offer)
    assert (await move(live, driver, booking, "CONFIRMED")).status == 200
    for token in (driver, rider):
        assert (await live.call("DELETE", "/v1/me", token)).status == 204
    assert await tables.fetchval("SELECT count(*) FROM bookings WHERE id = $1", UUID(booking["id"])) == 0


@pytest.mark.parametrize("erased", ["rider", "driver"])
async def test_after_an_erasure_the_database_still_agrees_with_itself(live: Live, erased: str) -> None:
    """What was told to the one who is gone is gone too, and `carpool check` does not miss it."""
    keys = {role: await live.key(role) for role in ("rider", "driver")}
    offer = await live.published(keys["driver"], departure=quiet_morning().isoformat())
    booking = await asked(live, keys["rider"], offer)
    other = "driver" if erased == "rider" else "rider"
    assert (await move(live, keys[other], booking, "CANCELLED")).status == 200  # which is told to the one who is erased
    assert (await live.call("DELETE", "/v1/me", keys[erased])).status == 204
    url = live.carpool.settings.storage.database_url
    assert url is not None
    database = await Database.open(url.get_secret_value(), min_size=1, max_size=1)
    try:
        _, found = await PostgresBookingLedger(database).check(live.carpool.settings.roads.region)
    finally:
        await database.close()
    assert [violation for violation in found.violations if str(violation.offer_id) == offer["id"]] == []


async def test_a_partners_user_is_erased_and_the_others_stay(live: Live) -> None:
    server = await live.key("partner", "erasing-co", acts_as=(Role.RIDER, Role.DRIVER))
    for user in ("anna", "bea"):
        await live.published(server, user=user)
    assert (await live.call("DELETE", "/v1/me", server, headers={"X-On-Behalf-Of": "anna"})).status == 204
    counts = [
        len((await live.call("GET", "/v1/offers", server, headers={"X-On-Behalf-Of": user})).json["offers"])
        for user in ("anna", "bea")
    ]
    assert counts == [0, 1]


async def test_nobody_may_be_called_like_an_erased_person(live: Live) -> None:
    for name in ("erased", "erased:0000"):
        with pytest.raises(InvalidField):
            await live.carpool.manage_keys.create(name, Role.RIDER, datetime.now(UTC), timedelta(hours=1))
