"""Whatever drivers and riders do: no seat is sold twice, no promise is broken, and everybody is told once.

Trips are published one by one and in series, changed in every way, blocked, for women only, and waited for.

Hypothesis draws the steps; each goes over HTTP to a real service on a real database. A small model says only what
everybody was answered. After each step the database must agree with it, and `carpool check` must find nothing to
complain of. `make test-thorough` draws many more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from matcher.postgres.embedded.server import EmbeddedPostgres
from tests.api.live import a_search, an_offer
from tests.conftest import database_url
from tests.examples import THOROUGH
from tests.integration.trip_day import OPEN, RIDERS, SPOTS, WOMEN, TripDay
from tests.integration.trip_world import Trip, World, a_world

#: Why a booking may be refused that was possible when it was shown.
OVERTAKEN = {"seats_exhausted", "detour_exceeded", "offer_changed", "offer_not_open", "booking_exists"}

some = st.integers(0, 11)


class TripMachine(TripDay, RuleBasedStateMachine):
    """One driver's trips of one day, four riders, and a stranger."""

    @initialize(
        seats=st.integers(1, 3), instant=st.booleans(), flexibility_s=st.sampled_from([0, 600]), first=some, second=some
    )
    def begin(self, seats: int, instant: bool, flexibility_s: int, first: int, second: int) -> None:
        """A day on which one driver goes out of their way for others, and two riders have asked."""
        self.begin_day()
        self.series = 0
        self.waits: dict[str, int] = {}
        self.tried = False
        self.publish(seats, instant, 1800, flexibility_s, False, 0)
        self.search_and_ask(0, first, first + 2, False, 1, 0, False)
        self.search_and_ask(1, second, second + 1, True, 1, 0, False)

    # ------------------------------------------------------------------------------------------------------- steps

    @rule(
        seats=st.integers(1, 3), instant=st.booleans(), max_detour_s=st.sampled_from([0, 120, 600, 1800]),
        flexibility_s=st.sampled_from([0, 300, 900]), via=st.booleans(), late_min=st.integers(0, 20),
    )  # fmt: skip
    @precondition(lambda self: len(self.trips) < 3)
    def publish(
        self, seats: int, instant: bool, max_detour_s: int, flexibility_s: int, via: bool, late_min: int
    ) -> None:
        departure = self.day + timedelta(minutes=late_min)
        body = an_offer(
            departure=departure.isoformat(), seats=seats, instant_booking=instant, max_detour_s=max_detour_s,
            flexibility_s=flexibility_s, via=[SPOTS[2]] if via else [],
        )  # fmt: skip
        answer = self.world.call("POST", "/v1/offers", self.driver, json=body)
        assert answer.status == 201, answer.body
        self.trips[answer.json["id"]] = Trip(answer.json["id"], instant)
        self._wrote()

    @rule(
        who=some, begin=some, end=some, arrival=st.booleans(), seats=st.integers(1, 2), which=some, again=st.booleans()
    )
    @precondition(lambda self: self.trips)
    def search_and_ask(
        self, who: int, begin: int, end: int, arrival: bool, seats: int, which: int, again: bool
    ) -> None:
        rider = who % RIDERS
        matches = self._search(rider, begin, end, arrival=arrival, seats=seats)
        if not matches:
            return
        match = matches[which % len(matches)]
        answer = self._asked(rider, match, again=again)
        if answer.status != 201:  # what was just shown can be had, but not twice
            assert answer.json["code"] == "booking_exists", answer.body
            assert self._has_open(rider, match["offer_id"]), answer.body

    @rule(which=some)
    def ask_for_what_was_shown_before(self, which: int) -> None:
        if not self.shown:
            return
        rider, match = self.shown[which % len(self.shown)]
        answer = self._asked(rider, match, again=False)
        assert answer.status == 201 or answer.json["code"] in OVERTAKEN, answer.body

    @rule(begin=some, end=some, seats=st.integers(1, 2))
    @precondition(lambda self: self.trips)
    def all_ask_at_once(self, begin: int, end: int, seats: int) -> None:
        found = [self._search(rider, begin, end, arrival=False, seats=seats) for rider in range(RIDERS)]
        wanted = [(rider, matches[0]) for rider, matches in enumerate(found) if matches]
        calls = [("POST", "/v1/bookings", self.riders[r], {"json": {"match_id": m["match_id"]}}) for r, m in wanted]
        answers = self.world.at_once(calls)
        for (rider, match), answer in zip(wanted, answers, strict=True):
            assert answer.status == 201 or answer.json["code"] in OVERTAKEN, answer.body
            self._note_asked(rider, match, answer)
        self._wrote()

    @rule(which=some, yes=st.booleans())
    def answer(self, which: int, yes: bool) -> None:
        ride = self._one(which, "WAITING_CONFIRMATION")
        if ride is None:
            return
        answer = self._move(self.driver, ride, "CONFIRMED" if yes else "CANCELLED")
        if not yes:
            assert answer.status == 200, answer.body
            self._ended(ride, "booking_refused", "rider")
        elif answer.status == 200:
            ride.status = "CONFIRMED"
            self._tell(ride, "booking_confirmed", "rider")
        else:
            assert answer.json["code"] in OVERTAKEN, answer.body
        self._wrote()

    @rule(which=some, by_driver=st.booleans())
    def give_up(self, which: int, by_driver: bool) -> None:
        ride = self._one(which, "CONFIRMED")
        if ride is None:
            return
        answer = self._move(self.driver if by_driver else self.riders[ride.rider], ride, "CANCELLED")
        assert answer.status == 200, answer.body
        self._ended(ride, "booking_cancelled", "rider" if by_driver else "driver")
        self._wrote()

    @rule(which=some, yes=st.booleans())
    def two_answers_at_once(self, which: int, yes: bool) -> None:
        """The rider gives up while the driver answers: one is heard, the other is told that it was too late."""
        ride = self._one(which, "WAITING_CONFIRMATION")
        if ride is None:
            return
        tag = {"If-Match": f'"{self._version(ride)}"'}
        to = "CONFIRMED" if yes else "CANCELLED"
        path = f"/v1/bookings/{ride.id}"
        both = self.world.at_once(
            [("PATCH", path, self.driver, {"json": {"status": to}, "headers": tag}),
             ("PATCH", path, self.riders[ride.rider], {"json": {"status": "CANCELLED"}, "headers": tag})]
        )  # fmt: skip
        heard = [answer.status == 200 for answer in both]
        assert sum(heard) == 1 or (both[0].status == 409 and heard[1]), [answer.body for answer in both]
        if heard[1]:
            self._ended(ride, "booking_cancelled", "driver")
        elif yes:
            ride.status = "CONFIRMED"
            self._tell(ride, "booking_confirmed", "rider")
        else:
            self._ended(ride, "booking_refused", "rider")
        self._wrote()

    @rule(
        which=some,
        change=st.sampled_from(
            [{"seats": 1}, {"seats": 3}, {"max_detour_s": 0}, {"max_detour_s": 1200}, {"flexibility_s": 0},
             {"flexibility_s": 900},
             {"via": []}, {"via": [SPOTS[2]]}, {"destination": SPOTS[3]}, {"instant_booking": True},
             {"instant_booking": False},
             {"minutes": 3}, {"minutes": -4}, {"minutes": 40}, {"women_only": True}, {"women_only": False},
             {"price": {"amount": 0.2, "currency": "EUR"}}, {"price": {"amount": 0.5, "currency": "EUR"}},
             {"price": None}]
        ),
    )  # fmt: skip
    @precondition(lambda self: self._open_trips())
    def change(self, which: int, change: dict[str, Any]) -> None:
        trips = self._open_trips()
        trip = trips[which % len(trips)]
        before = self.world.call("GET", f"/v1/offers/{trip.id}", self.driver)
        if "minutes" in change:
            moved = datetime.fromisoformat(before.json["departure"]) + timedelta(minutes=change["minutes"])
            change = {"departure": moved.isoformat()}
        tag = {"If-Match": before.headers["ETag"]}
        answer = self.world.call("PATCH", f"/v1/offers/{trip.id}", self.driver, json=change, headers=tag)
        if answer.status == 200:
            trip.instant, trip.women_only = answer.json["instant_booking"], answer.json["women_only"]
        else:
            assert answer.json["code"] == "promised_to_riders", answer.body
            assert set(answer.json["bookings"]) & {r.id for r in self.rides.values() if r.status == "CONFIRMED"}
            after = self.world.call("GET", f"/v1/offers/{trip.id}", self.driver)
            assert after.json == before.json, "a change that was refused has changed something"
        self._wrote()

    @rule(minutes=st.integers(5, 55), instant=st.booleans())
    @precondition(lambda self: not self.series)
    def publish_in_series(self, minutes: int, instant: bool) -> None:
        """A trip there and one back a few minutes later, made together."""
        leaves = (self.day + timedelta(minutes=minutes)).astimezone(ZoneInfo("America/Santiago"))
        comes_back = leaves + timedelta(hours=1)
        body = {
            "origin": SPOTS[0], "destination": SPOTS[-1], "date": leaves.date().isoformat(),
            "departure": f"{leaves:%H:%M}", "seats": 2,
            "max_detour_s": 900, "instant_booking": instant, "return": {"departure": f"{comes_back:%H:%M}"},
        }  # fmt: skip
        answer = self.world.call("POST", "/v1/series", self.driver, json=body)
        assert answer.status == 201, answer.body
        self.series += 1
        assert [one["direction"] for one in answer.json["occurrences"]] == ["OUT", "BACK"]
        for occurrence in answer.json["occurrences"]:
            self.trips[occurrence["offer_id"]] = Trip(occurrence["offer_id"], instant)
        self._wrote()

    @rule(who=some)
    @precondition(lambda self: not self.waits)
    def wait_for_a_trip(self, who: int) -> None:
        """A rider keeps a search; what it is told of is looked at with everything else."""
        window = {"earliest": self.day.isoformat(), "latest": (self.day + timedelta(hours=1)).isoformat()}
        body = a_search(origin=SPOTS[1], destination=SPOTS[3], departure=window)
        answer = self.world.call("POST", "/v1/requests", self.riders[who % RIDERS], json=body)
        assert answer.status == 201, answer.body
        self.waits[answer.json["id"]] = who % RIDERS

    @rule(who=some)
    def block_or_make_up(self, who: int) -> None:
        """The driver does not want to meet a rider, or meets them again.

        What is agreed stays agreed, and what waits between the two ends.
        """
        rider = who % RIDERS
        method, status = ("DELETE", 204) if rider in self.blocked else ("PUT", 200)
        answer = self.world.call(method, f"/v1/me/blocks/machine-rider-{rider}", self.driver)
        assert answer.status == status, answer.body
        if method == "PUT":
            for ride in self.rides.values():
                if ride.rider == rider and ride.status == "WAITING_CONFIRMATION":
                    self._ended(ride, "booking_refused", "rider")
                    self._tell(ride, "booking_refused", "driver")
        self.blocked ^= {rider}

    @rule(which=some)
    def cancel_trip(self, which: int) -> None:
        trips = self._open_trips()
        if len(trips) < 2:
            return
        trip = trips[which % len(trips)]
        assert self.world.call("DELETE", f"/v1/offers/{trip.id}", self.driver).status == 200
        trip.status = "CANCELLED"
        for ride in self.rides.values():
            if ride.offer == trip.id and ride.status in OPEN:
                self._ended(ride, "trip_cancelled", "rider")
        self._wrote()

    @rule(which=some)
    @precondition(lambda self: not self.tried)
    def a_stranger_tries(self, which: int) -> None:
        self.tried = True
        if not self.rides:
            return
        ride = list(self.rides.values())[which % len(self.rides)]
        assert self._move(self.stranger, ride, "CANCELLED").status == 404

    # ------------------------------------------------------------------------------------------- what is always true

    @invariant()
    def the_database_agrees(self) -> None:
        if self.looked or not getattr(self, "trips", None):
            return
        self.looked = True
        self._agree()
        assert self.world.broken_promises() == []

    def teardown(self) -> None:
        """Time passes: who waits lapses, who was to ride has ridden.

        Then a few searches are checked, and the day is put away.
        """
        if not getattr(self, "trips", None):
            return
        for request, rider in self.waits.items():
            assert self.world.call("DELETE", f"/v1/requests/{request}", self.riders[rider]).status == 204
        assert self.world.broken_promises(sample=2) == []
        later = self.day + timedelta(days=40)
        self.world.let_time_pass(later)
        for ride in self.rides.values():
            if ride.status == "WAITING_CONFIRMATION":
                self._ended(ride, "booking_lapsed", "rider")
            elif ride.status == "CONFIRMED":
                ride.status = "VALIDATED"
                for _ in range(2):
                    self._tell(ride, "booking_completed", "rider")
                    self._tell(ride, "booking_completed", "driver")
        self.world.let_time_pass(later + timedelta(days=10))
        self._agree()
        assert self.world.broken_promises() == []
        for trip in self._open_trips():
            assert self.world.call("DELETE", f"/v1/offers/{trip.id}", self.driver).status == 200
        for rider in self.blocked:
            assert self.world.call("DELETE", f"/v1/me/blocks/machine-rider-{rider}", self.driver).status == 204


@pytest.fixture(scope="module")
async def own_database(embedded_server: EmbeddedPostgres, template_database: str) -> str:
    """A database for the machine, dropped with the server."""
    connection = await asyncpg.connect(database_url(embedded_server.url, "postgres"))
    await connection.execute(f"CREATE DATABASE machine TEMPLATE {template_database} STRATEGY WAL_LOG")
    await connection.close()
    return database_url(embedded_server.url, "machine")


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, with_sample: Callable[[Path], Path], own_database: str
) -> Iterator[World]:
    """The service that the machine drives."""
    with a_world(with_sample(tmp_path_factory.mktemp("machine")), own_database) as world:
        yield world


@pytest.mark.timeout(3_600 if THOROUGH else 240)
def test_nothing_is_ever_lost_or_oversold(world: World) -> None:
    TripMachine.world = world
    TripMachine.driver = world.key("driver", "machine-driver")
    TripMachine.riders = [world.key("rider", f"machine-rider-{k}") for k in range(RIDERS)]
    TripMachine.stranger = world.key("rider", "machine-stranger")
    for woman in (TripMachine.driver, *(TripMachine.riders[k] for k in WOMEN)):
        assert world.call("PATCH", "/v1/me", woman, json={"share_gender": "woman"}).status == 200
    run_state_machine_as_test(
        TripMachine,
        settings=settings(
            max_examples=150 if THOROUGH else 8,
            stateful_step_count=40 if THOROUGH else 25,
            suppress_health_check=list(HealthCheck),
            deadline=None,
        ),
    )
