"""Wishes count both ways: the driver's against the rider's, and the rider's against the driver's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from matcher.domain.offer import PREFERENCE_KEYS
from tests.api.live import Live, a_search, around, quiet_morning


async def agreements(live: Live, rider: str, when: datetime, wishes: dict[str, bool]) -> dict[str, float]:
    """{offer: value of the part} of the matches, in the order of the answer."""
    body = a_search(departure=around(when), preferences=wishes, limit=50)
    answer = await live.call("POST", "/v1/match", rider, json=body)
    assert answer.status == 200, answer.body
    return {match["offer_id"]: match["parts"]["preferences"]["value"] for match in answer.json["matches"]}


async def test_each_wish_of_either_side_meets_the_others(live: Live) -> None:
    """Whoever contradicts whom, it is told in the score; who says nothing contradicts nobody, and nobody is turned
    away for it.
    """
    when, rider = quiet_morning(), await live.key("rider")
    said: dict[str, dict[str, bool]] = {
        "against all": dict.fromkeys(PREFERENCE_KEYS, False),
        "for all": dict.fromkeys(PREFERENCE_KEYS, True),
        "silent": {},
        **{f"against {key}": {key: False} for key in PREFERENCE_KEYS},
        **{f"for {key}": {key: True} for key in PREFERENCE_KEYS},
    }
    trips = {
        name: (await live.published(await live.key("driver"), departure=when.isoformat(), preferences=wishes))["id"]
        for name, wishes in said.items()
    }
    names = {trip: name for name, trip in trips.items()}
    for key in PREFERENCE_KEYS:
        for wish in (True, False):
            found = await agreements(live, rider, when, {key: wish})
            values = {names[trip]: value for trip, value in found.items()}
            contrary = {f"{'against' if wish else 'for'} {what}" for what in ("all", key)}
            assert {name for name, value in values.items() if value == 0} == contrary, (key, wish)
            assert all(value == 1 for name, value in values.items() if name not in contrary), (key, wish)
            assert {names[trip] for trip in list(found)[-2:]} <= contrary  # all else is alike, so they stand last
            assert found.keys() <= names.keys()
    # A rider who says nothing is contradicted by nobody, and one with several wishes by so many of them.
    assert set((await agreements(live, rider, when, {})).values()) == {1.0}
    every = await agreements(live, rider, when, {"smoking": False, "pets": True, "music": True, "talk": False})
    values = {names[trip]: value for trip, value in every.items()}
    assert values["against all"] == values["for all"] == pytest.approx(0.5)
    assert values["for smoking"] == values["against music"] == pytest.approx(0.75)
    assert values["silent"] == values["for luggage"] == values["against smoking"] == 1


async def test_women_only_counts_where_both_have_chosen_to_share_it(live: Live) -> None:
    """Three kinds of drivers and of riders: sharing nothing, sharing it, and sharing it with the wish; each with
    each.
    """
    when = quiet_morning()
    kinds = {"nothing": (False, False), "shares": (True, False), "wishes": (True, True)}

    async def person(role: str, *, shares: bool) -> str:
        token = await live.key(role)
        if shares:
            answer = await live.call("PATCH", "/v1/me", token, json={"share_gender": "woman"})
            assert answer.status == 200, answer.body
        return token

    trips: dict[str, str] = {}
    for kind, (shares, wishes) in kinds.items():
        driver = await person("driver", shares=shares)
        trips[kind] = (await live.published(driver, departure=when.isoformat(), women_only=wishes))["id"]
    expected = {
        "nothing": {"nothing", "shares"},
        "shares": {"nothing", "shares", "wishes"},
        "wishes": {"shares", "wishes"},
    }
    for kind, (shares, wishes) in kinds.items():
        rider = await person("rider", shares=shares)
        body: dict[str, Any] = a_search(departure=around(when), women_only=wishes)
        answer = (await live.call("POST", "/v1/match", rider, json=body)).json
        found = {name for name, trip in trips.items() if trip in {match["offer_id"] for match in answer["matches"]}}
        assert found == expected[kind], kind
