"""What persons share and whom they block: what follows from it, and what nobody can tell."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from matcher.domain.principal import Role
from tests.api.booking import ask, asked, match_of, move, seen
from tests.api.live import Answer, Live, a_search, an_offer, around, quiet_morning

WOMAN = {"share_gender": "woman"}


async def shares(live: Live, token: str, gender: str | None = "woman") -> Answer:
    return await live.call("PATCH", "/v1/me", token, json={"share_gender": gender})


async def found(live: Live, token: str, when: Any, **changes: Any) -> set[str]:
    """The ids of the offers that a search at that time finds."""
    answer = await live.call("POST", "/v1/match", token, json=a_search(departure=around(when), **changes))
    assert answer.status == 200, answer.body
    return {match["offer_id"] for match in answer.json["matches"]}


# --- women only ----------------------------------------------------------------------------------------------------


async def test_nothing_is_shared_until_somebody_does(live: Live) -> None:
    token = await live.key("driver", "hanna")
    assert (await live.call("GET", "/v1/me", token)).json == {"user": "hanna", "roles": ["driver"]}
    assert (await shares(live, token)).json == {"user": "hanna", "roles": ["driver"], **WOMAN}
    assert (await live.call("PATCH", "/v1/me", token, json={})).json == {"user": "hanna", "roles": ["driver"], **WOMAN}
    assert (await shares(live, token, None)).json == {"user": "hanna", "roles": ["driver"]}
    for wrong in ({"share_gender": "man"}, {"share_gender": ""}, {"gender": "woman"}, {"share_gender": True}):
        assert (await live.call("PATCH", "/v1/me", token, json=wrong)).status == 422


async def test_women_only_is_for_those_who_share_the_same(live: Live) -> None:
    """All four kinds of riders meet all three kinds of trips."""
    when = quiet_morning()
    silent, woman = await live.key("driver"), await live.key("driver")
    assert (await shares(live, woman)).status == 200
    plain = (await live.published(silent, departure=when.isoformat()))["id"]
    hers = (await live.published(woman, departure=when.isoformat()))["id"]
    only = (await live.published(woman, departure=when.isoformat(), women_only=True))["id"]
    man, rider = await live.key("rider"), await live.key("rider")
    await shares(live, rider)
    assert await found(live, man, when) == {plain, hers}
    assert await found(live, rider, when) == {plain, hers, only}
    assert await found(live, rider, when, women_only=True) == {hers, only}


@pytest.mark.parametrize(("role", "path"), [("driver", "/v1/offers"), ("rider", "/v1/match")])
async def test_the_wish_without_sharing_is_refused_and_says_how(live: Live, role: str, path: str) -> None:
    body = an_offer(women_only=True) if role == "driver" else a_search(women_only=True)
    problem = (await live.call("POST", path, await live.key(role), json=body)).problem()
    assert (problem["status"], problem["code"]) == (422, "sharing_required")
    assert problem["errors"][0]["pointer"] == "/women_only"
    assert "PATCH /v1/me" in problem["detail"]


async def test_a_trip_becomes_one_for_women_only_and_is_opened_again(live: Live) -> None:
    when = quiet_morning()
    woman, man = await live.key("driver"), await live.key("rider")
    offer = await live.published(woman, departure=when.isoformat())
    path, any_version = f"/v1/offers/{offer['id']}", {"If-Match": "*"}

    async def close() -> Answer:
        return await live.call("PATCH", path, woman, json={"women_only": True}, headers=any_version)

    assert (await close()).problem()["code"] == "sharing_required"
    await shares(live, woman)
    assert (await close()).json["women_only"] is True
    assert await found(live, man, when) == set()
    refused = (await shares(live, woman, None)).problem()
    assert (refused["status"], refused["code"], refused["offers"]) == (409, "sharing_in_use", [offer["id"]])
    assert (await live.call("GET", "/v1/me", woman)).json["share_gender"] == "woman"
    opened = await live.call("PATCH", path, woman, json={"women_only": False}, headers=any_version)
    assert opened.json["women_only"] is False
    assert await found(live, man, when) == {offer["id"]}
    assert (await shares(live, woman, None)).status == 200


async def test_open_trips_follow_what_is_shared_at_once(live: Live) -> None:
    when = quiet_morning()
    driver, rider = await live.key("driver"), await live.key("rider")
    await shares(live, rider)
    offer = (await live.published(driver, departure=when.isoformat()))["id"]
    assert await found(live, rider, when, women_only=True) == set()
    await shares(live, driver)
    assert await found(live, rider, when, women_only=True) == {offer}
    await shares(live, driver, None)
    assert await found(live, rider, when, women_only=True) == set()
    assert await found(live, rider, when) == {offer}


async def test_nobody_is_told_who_shares_what(live: Live) -> None:
    """Answers to strangers are the same, whether the driver shares it or not, but for ids and times taken."""
    when = quiet_morning()
    driver, stranger = await live.key("driver"), await live.key("rider")
    await live.published(driver, departure=when.isoformat())

    async def look() -> Any:
        answer = await live.call(
            "POST", "/v1/match", stranger, json=a_search(departure=around(when), explain=True, women_only=False)
        )
        document = answer.json
        for timing in ("took_ms", "stages_ms", "search_id"):
            document.pop(timing, None)
        for match in document["matches"]:
            match.pop("match_id")
        return document

    before = await look()
    await shares(live, driver)
    after = await look()
    assert before["matches"]
    assert after == before
    assert "woman" not in str(after)


async def test_a_trip_that_is_apart_is_turned_away_like_one_whose_driver_takes_no_detour(live: Live) -> None:
    """To strangers and to those who share, for either's wish: no reason of its own says who travels among women."""
    stranger, woman = await live.key("rider"), await live.key("rider")
    await shares(live, woman)
    for rider, wish in ((stranger, False), (woman, True)):
        when, driver = quiet_morning(), await live.key("driver")
        offer = await live.published(driver, departure=when.isoformat(), max_detour_s=0)
        path, search = f"/v1/offers/{offer['id']}", a_search(departure=around(when))
        before = (await live.call("POST", "/v1/match", rider, json=search)).json
        if rider == stranger:
            await shares(live, driver)
        change = {"women_only": rider == stranger, "max_detour_s": 1800}
        changed = await live.call("PATCH", path, driver, json=change, headers={"If-Match": "*"})
        assert changed.status == 200, changed.body
        apart = (await live.call("POST", "/v1/match", rider, json=search | {"women_only": wish})).json
        assert apart["matches"] == before["matches"] == []
        for name in ("considered", "feasible", "turned_away"):
            assert apart[name] == before[name], name
        assert apart["turned_away"]["detour"] >= 1


async def test_a_trip_that_is_apart_by_now_is_refused_like_a_full_one(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    await shares(live, driver)
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    match = await match_of(live, rider, offer)
    change = {"women_only": True}
    path = f"/v1/offers/{offer['id']}"
    assert (await live.call("PATCH", path, driver, json=change, headers={"If-Match": "*"})).status == 200
    refused = await ask(live, rider, match)
    assert (refused.status, refused.problem()["code"]) == (409, "seats_exhausted")
    assert "wom" not in refused.body.decode()


# --- blocks --------------------------------------------------------------------------------------------------------


async def test_the_blocked_and_the_blocker_do_not_exist_for_each_other(live: Live) -> None:
    when = quiet_morning()
    driver = await live.key("driver", "bl-driver")
    rider, other = await live.key("rider", "bl-rider"), await live.key("rider", "bl-other")
    offer = (await live.published(driver, departure=when.isoformat()))["id"]
    unblocked = await live.call("POST", "/v1/match", other, json=a_search(departure=around(when)))
    for blocker, blocked in ((rider, "bl-driver"), (driver, "bl-rider")):
        assert await found(live, rider, when) == {offer}
        assert (await live.call("PUT", f"/v1/me/blocks/{blocked}", blocker)).status == 200
        answer = await live.call("POST", "/v1/match", rider, json=a_search(departure=around(when)))
        assert answer.json["matches"] == answer.json["hints"] == []
        assert answer.json["considered"] == unblocked.json["considered"] - 1
        assert sum(answer.json["turned_away"].values()) == answer.json["considered"]
        assert await found(live, other, when) == {offer}
        assert (await live.call("DELETE", f"/v1/me/blocks/{blocked}", blocker)).status == 204


@pytest.mark.parametrize("blocks", ["rider", "driver"])
async def test_blocking_ends_what_waits_between_the_two_and_says_nothing_of_it(live: Live, blocks: str) -> None:
    names = {role: f"waits-{blocks}-{role}" for role in ("driver", "rider")}
    keys = {role: await live.key(role, name) for role, name in names.items()}
    offers = [await live.published(keys["driver"], departure=quiet_morning().isoformat()) for _ in range(3)]
    waiting, agreed = [await asked(live, keys["rider"], offer) for offer in offers[:2]]
    stranger = await asked(live, await live.key("rider"), offers[0])
    assert (await move(live, keys["driver"], agreed, "CONFIRMED")).status == 200
    usual = await asked(live, keys["rider"], offers[2])  # what it looks like without a block
    assert (await move(live, keys[blocks], usual, "CANCELLED")).status == 200
    blocked = names["rider" if blocks == "driver" else "driver"]
    for _ in range(2):
        assert (await live.call("PUT", f"/v1/me/blocks/{blocked}", keys[blocks])).status == 200

    other = keys["rider" if blocks == "driver" else "driver"]
    assert (await seen(live, keys["driver"], stranger))["status"] == "WAITING_CONFIRMATION"
    assert (await seen(live, other, agreed))["status"] == "CONFIRMED"
    ended = [await seen(live, other, booking) for booking in (waiting, usual)]
    for name in ("status", "reason", "cancelled_by", "reply", "version"):
        assert ended[0].get(name) == ended[1].get(name), name
    told = {
        token: [
            (event["kind"], event["data"].get("reason"), event["data"]["status"])
            for event in (await live.call("GET", "/v1/me/export", token)).json["events"]
            if event["data"]["booking_id"] in ids and event["data"]["status"] == "CANCELLED"
        ]
        for token, ids in ((keys[blocks], {waiting["id"]}), (other, {waiting["id"], usual["id"]}))
    }
    assert len(told[keys[blocks]]) == 1
    assert told[other] == told[keys[blocks]] * 2


async def test_blocking_by_an_offer_tells_nothing_of_its_driver(live: Live) -> None:
    when = quiet_morning()
    driver, rider = await live.key("driver", "hidden-name"), await live.key("rider")
    first, second = [(await live.published(driver, departure=when.isoformat()))["id"] for _ in range(2)]
    made = [await live.call("POST", "/v1/me/blocks", rider, json={"offer_id": first}) for _ in range(2)]
    assert [answer.status for answer in made] == [201, 201]
    assert made[0].json == made[1].json
    assert made[0].json["offer_id"] == first
    assert await found(live, rider, when) == set()
    # Naming the driver as well is another block: the list does not show that both are one person.
    await live.call("PUT", "/v1/me/blocks/hidden-name", rider)
    listed = (await live.call("GET", "/v1/me/blocks", rider)).json["blocks"]
    assert [block.get("user") for block in listed] == [None, "hidden-name"]
    # A guess at the name does not take the nameless block back.
    await live.call("DELETE", "/v1/me/blocks/hidden-name", rider)
    assert await found(live, rider, when) == set()
    assert (await live.call("DELETE", f"/v1/me/blocks/{made[0].json['id']}", rider)).status == 204
    assert await found(live, rider, when) == {first, second}


async def test_a_list_shows_only_ones_own_blocks(live: Live) -> None:
    alice, bob = await live.key("rider", "list-alice"), await live.key("rider", "list-bob")
    await live.call("PUT", "/v1/me/blocks/list-bob", alice)
    assert (await live.call("GET", "/v1/me/blocks", bob)).json == {"blocks": []}
    assert (await live.call("PUT", "/v1/me/blocks/list-alice", bob)).status == 200
    # Whoever has been blocked cannot undo it.
    await live.call("DELETE", "/v1/me/blocks/list-alice", bob)
    assert len((await live.call("GET", "/v1/me/blocks", alice)).json["blocks"]) == 1


async def test_naming_nobody_is_answered_like_naming_somebody(live: Live) -> None:
    rider = await live.key("rider")
    assert (await live.call("PUT", f"/v1/me/blocks/{uuid4()}", rider)).status == 200
    assert (await live.call("DELETE", "/v1/me/blocks/nobody-at-all", rider)).status == 204


@pytest.mark.parametrize(
    "body",
    [{}, {"offer_id": str(UUID(int=1)), "booking_id": str(UUID(int=1))}, {"offer_id": None}, {"offer_id": "x"},
     {"user": "x"}],
)  # fmt: skip
async def test_who_is_blocked_is_said_in_one_way(live: Live, rider: str, body: dict[str, Any]) -> None:
    assert (await live.call("POST", "/v1/me/blocks", rider, json=body)).status == 422


async def test_nobody_blocks_oneself_nor_by_what_is_not_theirs(live: Live) -> None:
    driver = await live.key("driver", "self")
    offer = (await live.published(driver))["id"]
    assert (await live.call("PUT", "/v1/me/blocks/self", driver)).status == 422
    assert (await live.call("POST", "/v1/me/blocks", driver, json={"offer_id": offer})).status == 422
    for body in ({"offer_id": str(uuid4())}, {"booking_id": str(uuid4())}):
        assert (await live.call("POST", "/v1/me/blocks", driver, json=body)).status == 404


async def test_a_partners_users_name_each_other_without_the_partner(live: Live) -> None:
    when = quiet_morning()
    server = await live.key("partner", "blocking-co", acts_as=(Role.RIDER, Role.DRIVER))
    offer = (await live.published(server, user="dora", departure=when.isoformat()))["id"]
    rita = {"X-On-Behalf-Of": "rita"}

    async def look() -> list[Any]:
        answer = await live.call("POST", "/v1/match", server, json=a_search(departure=around(when)), headers=rita)
        matches: list[Any] = answer.json["matches"]
        return matches

    assert [match["offer_id"] for match in await look()] == [offer]
    assert (await live.call("PUT", "/v1/me/blocks/dora", server, headers=rita)).json["user"] == "dora"
    assert await look() == []


async def test_a_profile_has_a_tag_and_a_change_may_depend_on_it(live: Live) -> None:
    token = await live.key("rider")
    first = (await live.call("GET", "/v1/me", token)).headers["ETag"]

    async def change(gender: str | None, tag: str) -> Answer:
        body = {"share_gender": gender}
        return await live.call("PATCH", "/v1/me", token, json=body, headers={"If-Match": tag})

    shared = await change("woman", first)
    assert (shared.status, shared.json["share_gender"]) == (200, "woman")
    second = shared.headers["ETag"]
    assert second != first
    known = await live.call("GET", "/v1/me", token, headers={"If-None-Match": second})
    assert (known.status, known.headers["ETag"], known.body) == (304, second, b"")
    for stale in (first, '"7"', f"W/{second}"):
        refused = await change(None, stale)
        assert (refused.status, refused.problem()["code"]) == (412, "stale_version")
    idle = await live.call("PATCH", "/v1/me", token, json={}, headers={"If-Match": first})
    assert (idle.status, idle.problem()["code"]) == (412, "stale_version")
    assert (await change(None, "1")).problem()["code"] == "invalid_header"
    assert (await live.call("GET", "/v1/me", token)).json["share_gender"] == "woman"
    assert (await change("woman", f'"7", {second}')).headers["ETag"] == second
    assert (await change(None, "*")).headers["ETag"] == first
    assert (await shares(live, token)).headers["ETag"] == second


async def test_of_profile_changes_that_race_on_one_tag_one_wins(live: Live) -> None:
    token = await live.key("rider")
    tag = {"If-Match": (await live.call("GET", "/v1/me", token)).headers["ETag"]}
    body = {"share_gender": "woman"}
    answers = await asyncio.gather(*(live.call("PATCH", "/v1/me", token, json=body, headers=tag) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [200] + [412] * 4
