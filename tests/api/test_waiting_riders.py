"""Who waits for a driver's answer is told when a change of the trip makes it impossible, and when it becomes
possible again.
"""

from __future__ import annotations

from typing import Any

from tests.api.booking import asked, move, seen
from tests.api.live import Live, quiet_morning
from tests.api.streams import Message, listening


def said(message: Message) -> tuple[str, str, bool | None]:
    """(kind, booking, whether it could still be granted) of an event."""
    data = message.data["data"]
    return message.event, data["booking_id"], data.get("fits")


async def test_riders_who_wait_are_told_when_seats_or_detour_decide_about_them(live: Live) -> None:
    driver, alone, pair, seated = [await live.key(role) for role in ("driver", "rider", "rider", "rider")]
    offer = await live.published(driver, departure=quiet_morning().isoformat(), seats=4)

    async def change(**fields: Any) -> None:
        path = f"/v1/offers/{offer['id']}"
        answer = await live.call("PATCH", path, driver, json=fields, headers={"If-Match": "*"})
        assert answer.status == 200, answer.body

    agreed = await asked(live, seated, offer)
    assert (await move(live, driver, agreed, "CONFIRMED")).status == 200
    one, two = await asked(live, alone, offer), await asked(live, pair, offer, seats=2)
    async with listening(live, alone) as of_one, listening(live, pair) as of_two, listening(live, seated) as of_seated:
        for reader in (of_one, of_two, of_seated):
            await reader.begun()
        await change(comment="a blue car")  # nobody needs to know
        await change(seats=3)  # room for three still
        await change(seats=2)
        assert said(await of_two.message()) == ("trip_changed", two["id"], False)
        refused = await move(live, driver, two, "CONFIRMED")
        assert (refused.status, refused.problem()["code"]) == (409, "seats_exhausted")
        assert (await seen(live, pair, two))["status"] == "WAITING_CONFIRMATION"
        await change(seats=1)
        assert said(await of_one.message()) == ("trip_changed", one["id"], False)  # and nothing before
        await change(seats=4)
        assert said(await of_one.message()) == ("trip_changed", one["id"], True)
        assert said(await of_two.message()) == ("trip_changed", two["id"], True)
        away = await live.call("DELETE", f"/v1/offers/{offer['id']}", driver)
        assert away.status == 200, away.body
        assert [(await reader.message()).event for reader in (of_one, of_two)] == ["trip_cancelled"] * 2
        assert (await of_seated.message()).event == "trip_cancelled"  # who is promised a seat heard nothing of all this


async def test_who_waits_is_told_whether_a_trip_at_another_time_still_fits(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    day = quiet_morning()
    offer = await live.published(driver, departure=day.isoformat(), flexibility_s=0)
    booking = await asked(live, rider, offer)
    async with listening(live, rider) as reader:
        await reader.begun()
        for hour, fits in ((day.hour + 3, False), (day.hour, True)):
            later = day.replace(hour=hour).isoformat()
            path = f"/v1/offers/{offer['id']}"
            moved = await live.call("PATCH", path, driver, json={"departure": later}, headers={"If-Match": "*"})
            assert moved.status == 200, moved.body
            assert said(await reader.message()) == ("trip_changed", booking["id"], fits)
