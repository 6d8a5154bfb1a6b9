"""Two doors of one neighbourhood: whatever another person calls, is told or exports is the same, byte for byte.

The same story is played twice, on services of their own, and differs in one door only: where a driver lives, or where
a rider does. Ids are replaced by numbers; the moments of the calls are left out, and so are the numbers of events and
their order among kinds, which follow jobs that run beside the calls.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.place import Coordinate
from matcher.postgres.embedded.server import EmbeddedPostgres
from tests.api.booking import ask, move
from tests.api.live import Live, quiet_morning
from tests.privacy.attacker import Map, at, claims_of
from tests.privacy.conftest import a_service

HOME = Coordinate(lat=-29.9484618, lon=-71.3363782)
WORK = Coordinate(lat=-29.899317, lon=-71.243119)
#: Places of strangers, along the way and beside it.
PLACES = [
    Coordinate(lat=lat, lon=lon)
    for lat, lon in ((-29.9536, -71.3379), (-29.9627, -71.3368), (-29.9571, -71.3356), (-29.93, -71.27))
]
ENDS = [Coordinate(lat=-29.9085, lon=-71.2516), Coordinate(lat=-29.9045, lon=-71.2489)]
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?7[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}")
#: When calls are made, and how long they take.
_MOMENTS = {"created_at", "updated_at", "confirmed_at", "expires_at", "exported_at", "found_at", "due_at", "at", "exp"}
_MOMENTS |= {"took_ms", "from", "to", "last_used_at"}
_TIMINGS = {"stages_ms", "latency_ms", "request_id", "api_keys"}


@dataclass
class Told:
    """What others were told, in order, made comparable."""

    answers: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def note(self, what: str, value: Any) -> None:
        text = json.dumps([what, self._plain(value)], ensure_ascii=False)
        self.answers.append(
            _ID.sub(lambda id_: self.ids.setdefault(id_[0].replace("-", ""), f"#{len(self.ids)}"), text)
        )

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: self._plain(member)
                for name, member in value.items()
                if name not in _TIMINGS
                and not (name in _MOMENTS and isinstance(member, str | int | float))
                # Events are numbered in the order of jobs that run beside the calls.
                and not (name in {"id", "number"} and isinstance(member, int))
            }
        if isinstance(value, list):
            members = [self._plain(member) for member in value]
            events = all(isinstance(member, dict) and "kind" in member for member in members)
            return sorted(members, key=lambda event: str(event["kind"])) if events else members
        if isinstance(value, str) and value.count(".") == 2 and value.startswith("eyJ"):
            return self._plain(claims_of(value))
        if isinstance(value, str) and value.startswith("{"):
            with suppress(ValueError):
                return self._plain(json.loads(value))
        return value


@dataclass
class Story:
    """One playing of it. `lives`: the door that differs; `day`: the same in both."""

    live: Live
    lives: Coordinate
    day: datetime
    told: Told = field(default_factory=Told)
    keys: dict[str, str] = field(default_factory=dict)
    own_searches: int = 0  # of the one who lives there

    async def key(self, role: str, user: str) -> str:
        if user not in self.keys:
            self.keys[user] = await self.live.key(role, user)
        return self.keys[user]

    async def note(self, user: str, method: str, path: str, **more: Any) -> Any:
        """A call of somebody else, whose answer is compared."""
        answer = await self.live.call(method, path, self.keys[user], **more)
        shown = answer.json if "json" in answer.headers.get("Content-Type", "") else answer.body.decode()
        self.told.note(
            f"{user} {method} {path.split('?', maxsplit=1)[0] if 'cursor' in path else path}", [answer.status, shown]
        )
        return shown

    def window(self, hours: float = 1) -> dict[str, str]:
        half = timedelta(hours=hours)
        return {"earliest": (self.day - half).isoformat(), "latest": (self.day + half).isoformat()}

    async def all_that_is_kept(self, user: str) -> None:
        for path in ("/v1/offers", "/v1/bookings", "/v1/requests", "/v1/series", "/v1/me/export"):
            await self.note(user, "GET", path)


async def of_a_driver(story: Story) -> None:
    """A driver who lives there publishes, is searched for, is booked, changes, and is counted."""
    live, home = story.live, at(story.lives)
    driver = await story.key("driver", "dora")
    for role, user in (("rider", "rita"), ("driver", "eve"), ("ops", "olga")):
        await story.key(role, user)
    common: dict[str, Any] = {"origin": home, "destination": at(WORK), "departure": story.day.isoformat()}
    offer = await live.published(driver, **common, max_detour_s=None)
    await live.published(
        driver, **(common | {"destination": at(ENDS[1])}), via=[at(PLACES[3])], max_detour_s=900, flexibility_s=0
    )
    series = await live.call(
        "POST", "/v1/series", driver,
        json={"origin": home, "destination": at(WORK), "weekdays": ["MO", "WE"], "departure": "07:45", "seats": 2,
              "return": {"departure": "17:30"}},
    )  # fmt: skip
    assert series.status == 201, series.body
    match = None
    for place in PLACES:
        for end in ENDS:
            for changes in ({}, {"max_walk_m": 500}, {"seats": 8}, {"departure": None, "arrival": story.window(0.2)}):
                wish = {"origin": at(place), "destination": at(end), "departure": story.window(), "explain": True}
                body = {name: value for name, value in (wish | changes).items() if value is not None}
                found = await story.note("rita", "POST", "/v1/match", json=body)
                match = match or next((one for one in found["matches"] if one["offer_id"] == offer["id"]), None)
    assert match is not None
    await story.note("rita", "GET", f"/v1/offers/{offer['id']}")
    await story.note("olga", "GET", f"/v1/offers/{offer['id']}")
    kept = {"origin": at(PLACES[1]), "destination": at(ENDS[0]), "departure": story.window()}
    await story.note("rita", "POST", "/v1/requests", json=kept)
    booking = await story.note("rita", "POST", "/v1/bookings", json={"match_id": match["match_id"]})
    assert (await move(live, driver, booking, "CONFIRMED")).status == 200
    await story.note("rita", "GET", f"/v1/bookings/{booking['id']}")
    later = {"departure": (story.day + timedelta(minutes=3)).isoformat()}
    changed = await live.call("PATCH", f"/v1/offers/{offer['id']}", driver, json=later, headers={"If-Match": "*"})
    assert changed.status == 200, changed.body
    await story.note("rita", "GET", f"/v1/bookings/{booking['id']}")
    await story.note("rita", "POST", "/v1/match", json=kept)
    await asyncio.sleep(1.5)  # events are written behind the calls
    for user in ("rita", "eve", "olga"):
        await story.all_that_is_kept(user)
    await of_the_operator(story)


async def of_a_rider(story: Story) -> None:
    """A rider who lives there waits, books, is aboard, and is counted."""
    live, home = story.live, at(story.lives)
    rider = await story.key("rider", "rosa")
    for role, user in (("driver", "dave"), ("rider", "rita"), ("ops", "olga")):
        await story.key(role, user)
    wish = {"origin": home, "destination": at(ENDS[1]), "departure": story.window()}
    assert (await live.call("POST", "/v1/requests", rider, json=wish | {"max_walk_m": 400})).status == 201
    trip = {"origin": at(PLACES[1]), "destination": at(WORK), "departure": story.day.isoformat(), "seats": 3}
    for changes in ({}, {"max_detour_s": 60}, {"max_detour_s": 240}, {"flexibility_s": 0}, {"origin": at(PLACES[2])}):
        await story.note("dave", "POST", "/v1/offers?dry_run=true", json=trip | changes)
    offer = await story.note("dave", "POST", "/v1/offers", json=trip | {"max_detour_s": 3000})
    await story.note("dave", "GET", f"/v1/offers/{offer['id']}/requests")
    found = await live.call("POST", "/v1/match", rider, json=wish)
    story.own_searches = 2
    (match,) = [one for one in found.json["matches"] if one["offer_id"] == offer["id"]]
    booked = await ask(live, rider, match)
    assert booked.status == 201, booked.body
    path = f"/v1/bookings/{booked.json['id']}"
    for minutes in (1, 2, -2):
        later = {"departure": (story.day + timedelta(minutes=minutes)).isoformat()}
        await story.note("dave", "PATCH", f"/v1/offers/{offer['id']}", json=later, headers={"If-Match": "*"})
        await story.note("dave", "GET", path)
    await asyncio.sleep(1.5)
    await story.all_that_is_kept("dave")
    assert (await move(live, story.keys["dave"], booked.json, "CONFIRMED")).status == 200
    # From here on the driver knows the door, and other riders do not.
    for place in PLACES:
        for end in ENDS:
            body = {"origin": at(place), "destination": at(end), "departure": story.window(), "explain": True}
            await story.note("rita", "POST", "/v1/match", json=body)
    await story.all_that_is_kept("rita")
    await of_the_operator(story)


async def of_the_operator(story: Story) -> None:
    """What is counted, once all of it has been written."""
    asked = sum(re.match(r'\["\w+ POST /v1/(match|requests)"', answer) is not None for answer in story.told.answers)
    async with asyncio.timeout(60):
        while True:
            counted = await story.live.call("GET", "/v1/stats/matches?bucket=day", story.keys["olga"])
            if counted.json["totals"]["searches"] >= asked + story.own_searches:
                break
            await asyncio.sleep(0.2)
    for path in ("/v1/stats/matches?bucket=day", "/v1/stats/demand", "/v1/stats/offers"):
        await story.note("olga", "GET", path)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tale", [of_a_driver, of_a_rider], ids=lambda tale: tale.__name__)
async def test_two_doors_of_one_neighbourhood_are_the_same_to_others(
    folders: dict[float, Path],
    embedded_server: EmbeddedPostgres,
    template_database: str,
    tale: Callable[[Story], Awaitable[None]],
) -> None:
    day, told = quiet_morning(), []
    drawn: list[Coordinate] = []
    for number in range(3):
        name = f"swap_{tale.__name__}_{number}"
        async with a_service(folders, embedded_server, template_database, name) as live:
            drawn = drawn or await asyncio.to_thread(lambda: doors(Map.of(folders[500.0])))
            story = Story(live, drawn[number], day)
            await tale(story)
            told.append(story.told)
    assert drawn[0].distance_m(drawn[1]) > 150
    one, other, elsewhere = (one.answers for one in told)
    assert len(one) == len(other) > 20
    assert [differing(*pair) for pair in zip(one, other, strict=True) if len(set(pair)) > 1] == []
    assert one != elsewhere, "a door of another neighbourhood makes a difference, or the story tells nothing"


def differing(mine: str, theirs: str) -> tuple[str, str]:
    """Two answers about where they begin to differ, after what was called."""
    same = next((place for place, (one, other) in enumerate(zip(mine, theirs, strict=False)) if one != other), 0)
    return mine[:60] + " … " + mine[max(0, same - 60) : same + 60], theirs[max(0, same - 60) : same + 60]


def doors(drawn: Map) -> list[Coordinate]:
    """Two doors of a neighbourhood that a car can meet, far from each other, and one of the next neighbourhood."""

    def met(near: Coordinate) -> list[Coordinate]:
        roads = drawn.roads
        return [roads.locate(door) for door in drawn.neighbourhood(near) if roads.door_position(door) is not None]

    here = met(HOME)
    home = drawn.roads.public_position(drawn.stop(HOME))
    around = drawn.around(HOME, 30, 4_000, random.Random(2))
    away = next(place for place in around if drawn.roads.public_position(drawn.stop(place)) != home and met(place))
    return [here[0], max(here, key=here[0].distance_m), met(away)[0]]
