"""What the drawn days of drivers and riders share: who has been told what, how they search and ask, and what the
database must agree with.
"""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta
from typing import Any, ClassVar

from tests.api.live import Answer, a_search, morning
from tests.integration.trip_world import Ride, Trip, World

#: Places along the bay, from south to north: everybody goes north.
SPOTS = [
    {"lat": -29.953, "lon": -71.338},
    {"lat": -29.95, "lon": -71.337},
    {"lat": -29.93, "lon": -71.27},
    {"lat": -29.91, "lon": -71.252},
    {"lat": -29.9045, "lon": -71.2489},
]
RIDERS = 4
#: Riders who share that they are women, as the driver does.
WOMEN = {0, 2}
OPEN = {"WAITING_CONFIRMATION", "CONFIRMED"}

_days = itertools.count()


class TripDay:
    """One driver's trips of one day and four riders, as they were answered."""

    world: ClassVar[World]
    driver: ClassVar[str]
    riders: ClassVar[list[str]]
    stranger: ClassVar[str]

    def begin_day(self) -> None:
        """A morning on which nothing has happened yet, near enough that series have their trips made."""
        self.day = morning() + timedelta(days=next(_days) % 16)
        self.trips: dict[str, Trip] = {}
        self.rides: dict[str, Ride] = {}
        self.shown: list[tuple[int, dict[str, Any]]] = []
        self.promised: dict[str, tuple[Any, ...]] = {}
        self.blocked: set[int] = set()
        self.keys = 0
        self.looked = False

    def _agree(self) -> None:
        mine = list(self.trips.values())
        stored = self.world.rows("SELECT * FROM bookings WHERE offer_id = ANY($1)", [trip.id for trip in mine])
        assert {str(row["id"]): row["status"] for row in stored} == {r.id: r.status for r in self.rides.values()}
        for row in stored:
            promise = tuple(
                row[name] for name in row if name.endswith(("earliest_at", "latest_at", "seats", "price_minor"))
            )
            assert self.promised.setdefault(str(row["id"]), promise) == promise, "a promise was changed"
        told = self.world.rows(
            "SELECT trip_id, kind, recipient, data ->> 'booking_id' AS booking FROM events "
            "WHERE trip_id = ANY($1) AND kind NOT IN ('trip_changed', 'departure_soon', 'match_found')",
            [trip.id for trip in mine],
        )
        heard = Counter((str(row["trip_id"]), row["kind"], row["recipient"], row["booking"]) for row in told)
        expected = Counter({(trip.id, *told): count for trip in mine for told, count in trip.told.items()})
        assert heard == expected
        found = self.world.rows(
            "SELECT recipient, count(*) AS times FROM events WHERE trip_id = ANY($1) AND kind = 'match_found' "
            "GROUP BY trip_id, recipient, data ->> 'request_id'",
            [trip.id for trip in mine],
        )
        assert all(row["times"] == 1 and row["recipient"].startswith("machine-rider-") for row in found)

    def _search(self, rider: int, begin: int, end: int, **wish: Any) -> list[dict[str, Any]]:
        here, there = sorted((begin % len(SPOTS), end % len(SPOTS)))
        if here == there:
            here, there = 0, len(SPOTS) - 1
        window = {
            "earliest": (self.day - timedelta(minutes=20)).isoformat(),
            "latest": (self.day + timedelta(hours=1)).isoformat(),
        }
        kind = {"arrival": window, "departure": None} if wish["arrival"] else {"departure": window}
        body = a_search(origin=SPOTS[here], destination=SPOTS[there], seats=wish["seats"], limit=50, **kind)
        answer = self.world.call("POST", "/v1/match", self.riders[rider], json=body)
        assert answer.status == 200, answer.body
        # What an example that failed on the same day has left behind is not ours.
        matches: list[dict[str, Any]] = [one for one in answer.json["matches"] if one["offer_id"] in self.trips]
        for match in matches:
            assert self.trips[match["offer_id"]].status == "OPEN"
            assert match["seats_left"] >= wish["seats"]
            assert rider in WOMEN or not self.trips[match["offer_id"]].women_only
        assert not (matches and rider in self.blocked)
        self.shown += [(rider, match) for match in matches]
        return matches

    def _asked(self, rider: int, match: dict[str, Any], *, again: bool) -> Answer:
        self.keys += 1
        once = {"Idempotency-Key": f"{self.day.date()}-{self.keys}-{rider}-{match['offer_id']}"}
        call = ("POST", "/v1/bookings", self.riders[rider], {"json": {"match_id": match["match_id"]}, "headers": once})
        answers = self.world.at_once([call] * (2 if again else 1))
        assert len({answer.body for answer in answers if answer.status == 201}) <= 1, "booked twice under one key"
        if again and answers[0].status == 201 != answers[1].status:
            assert answers[1].json["code"] == "idempotency_in_progress", answers[1].body
        answer = min(answers, key=lambda answer: answer.status)
        self._note_asked(rider, match, answer)
        self._wrote()
        return answer

    def _note_asked(self, rider: int, match: dict[str, Any], answer: Answer) -> None:
        if answer.status != 201:
            return
        assert answer.json["offer_id"] == match["offer_id"]
        trip = self.trips[match["offer_id"]]
        status = "CONFIRMED" if trip.instant else "WAITING_CONFIRMATION"
        assert answer.json["status"] == status
        ride = self.rides[answer.json["id"]] = Ride(answer.json["id"], trip.id, rider, status)
        if trip.instant:
            self._tell(ride, "booking_confirmed", "rider")
            self._tell(ride, "booking_confirmed", "driver")
        else:
            self._tell(ride, "booking_asked", "driver")

    def _move(self, token: str, ride: Ride, to: str) -> Answer:
        return self.world.call(
            "PATCH", f"/v1/bookings/{ride.id}", token, json={"status": to}, headers={"If-Match": "*"}
        )

    def _version(self, ride: Ride) -> int:
        (row,) = self.world.rows("SELECT version FROM bookings WHERE id = $1", ride.id)
        return int(row["version"])

    def _ended(self, ride: Ride, kind: str, told: str) -> None:
        ride.status = "CANCELLED"
        self._tell(ride, kind, told)

    def _tell(self, ride: Ride, kind: str, whom: str) -> None:
        name = "machine-driver" if whom == "driver" else f"machine-rider-{ride.rider}"
        self.trips[ride.offer].told[(kind, name, ride.id)] += 1

    def _wrote(self) -> None:
        self.looked = False

    def _one(self, which: int, status: str) -> Ride | None:
        """One in that state.

        Who wins a race is not drawn, so no step's availability may depend on it: without one nothing is done.
        """
        rides = [ride for ride in self.rides.values() if ride.status == status]
        return rides[which % len(rides)] if rides else None

    def _open_trips(self) -> list[Trip]:
        return [trip for trip in self.trips.values() if trip.status == "OPEN"]

    def _has_open(self, rider: int, offer: str) -> bool:
        return any(r.rider == rider and r.offer == offer and r.status in OPEN for r in self.rides.values())
