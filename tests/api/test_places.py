"""Looking up places."""

from __future__ import annotations

from tests.api.live import Live


async def test_an_address_is_found_however_it_is_written(live: Live, rider: str) -> None:
    for text in ("Avenida La Cantera, Coquimbo", "avda la cantera coquimbo", "av. la kantera"):
        answer = await live.call("GET", "/v1/geocode", rider, params={"q": text})
        assert answer.status == 200
        assert "La Cantera" in answer.json["places"][0]["label"], text
        assert answer.headers["Cache-Control"] == "no-store"


async def test_candidates_are_as_many_as_asked_for_and_best_first(live: Live, rider: str) -> None:
    places = (await live.call("GET", "/v1/geocode", rider, params={"q": "los", "limit": "3"})).json["places"]
    assert len(places) == 3
    scores = [place["score"] for place in places]
    assert scores == sorted(scores, reverse=True)
    assert all(-31 < place["lat"] < -29 and -72 < place["lon"] < -70 for place in places)


async def test_what_is_near_is_preferred(live: Live, rider: str) -> None:
    serena = {"q": "Balmaceda", "limit": "1", "lat": "-29.88", "lon": "-71.25"}
    coquimbo = {"q": "Balmaceda", "limit": "1", "lat": "-29.958", "lon": "-71.344"}
    labels = [
        (await live.call("GET", "/v1/geocode", rider, params=near)).json["places"][0]["label"]
        for near in (serena, coquimbo)
    ]
    assert labels == ["Balmaceda, La Serena", "Balmaceda, Coquimbo"]


async def test_nothing_is_an_empty_list(live: Live, rider: str) -> None:
    assert (await live.call("GET", "/v1/geocode", rider, params={"q": "qzxwv"})).json == {"places": []}
    assert (await live.call("GET", "/v1/reverse", rider, params={"lat": "0", "lon": "0"})).json == {"places": []}


async def test_a_coordinate_is_named(live: Live, rider: str) -> None:
    (place,) = (await live.call("GET", "/v1/reverse", rider, params={"lat": "-29.953", "lon": "-71.338"})).json[
        "places"
    ]
    assert "Coquimbo" in place["label"]
    assert abs(place["lat"] + 29.953) < 0.01
