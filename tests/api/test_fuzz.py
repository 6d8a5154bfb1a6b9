"""Generated calls, good and bad, against the live service: no 5xx, and nothing that the OpenAPI document does not
promise.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks, positive_data_acceptance

from api.call.endpoint import Endpoint
from api.routes import ROUTES
from tests.api.live import Live, next_week
from tests.examples import examples

# The first use reads files; it must not happen on the event loop.
load_all_checks()

#: Well-formed input may still name a place in the sea or a day in the past, which is a 422 by design.
EXCLUDED = [positive_data_acceptance]
EXAMPLES = examples(6)

#: Answers that have no end, which no generated call waits for; tests/api/test_events.py reads them.
ENDLESS = {"/v1/events"}

CASES = [
    (route.method, route.path, mode)
    for route in ROUTES
    for mode in GenerationMode
    if route.answers and route.path not in ENDLESS and (isinstance(route, Endpoint) or mode is GenerationMode.POSITIVE)
]


@pytest.fixture
async def operator(live: Live) -> str:
    """A key that may make every call, of a user of its own: one of the calls erases its caller."""
    return await live.key("admin")


@pytest.mark.parametrize(("method", "path", "mode"), CASES, ids=[f"{m} {p} {mode.value}" for m, p, mode in CASES])
async def test_generated_calls(live: Live, operator: str, method: str, path: str, mode: GenerationMode) -> None:
    document = (await live.call("GET", "/openapi.json")).json
    statuses = await asyncio.to_thread(_fuzz, live.url, document, method, path, mode, operator, {})
    assert statuses


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_generated_calls_on_an_offer_that_exists(
    live: Live, operator: str, method: str, mode: GenerationMode
) -> None:
    offer = await live.published(operator)
    document = (await live.call("GET", "/openapi.json")).json
    more = {"path_parameters": {"offer_id": offer["id"]}}
    if method == "PATCH":
        more["headers"] = {"If-Match": "*"}
    await asyncio.to_thread(_fuzz, live.url, document, method, "/v1/offers/{offer_id}", mode, operator, more)


def _at_home(document: dict[str, Any]) -> dict[str, Any]:
    """The document with coordinates in the region and times in the coming week: generated calls get somewhere."""
    schemas = document["components"]["schemas"]
    schemas["CoordinatesIn"]["properties"]["lat"] |= {"minimum": -29.99, "maximum": -29.88}
    schemas["CoordinatesIn"]["properties"]["lon"] |= {"minimum": -71.35, "maximum": -71.23}
    times = {"type": "string", "enum": [next_week(hour).isoformat() for hour in (7, 8, 9)]}
    schemas["OfferIn"]["properties"]["departure"] = times
    for wish in ("price", "via", "women_only"):  # each is refused for reasons of its own
        del schemas["OfferIn"]["properties"][wish]
    publishing = document["paths"]["/v1/offers"]["post"]
    publishing["parameters"] = [each for each in publishing["parameters"] if each["name"] != "dry_run"]
    schemas["WindowIn"]["properties"] = {"earliest": times, "latest": times}
    return document


@pytest.mark.parametrize(("path", "good"), [("/v1/offers", 201), ("/v1/match", 200)])
async def test_generated_calls_that_make_sense(live: Live, operator: str, path: str, good: int) -> None:
    document = _at_home((await live.call("GET", "/openapi.json")).json)
    # Most generated calls are refused: some of so many are not.
    statuses = await asyncio.to_thread(
        _fuzz, live.url, document, "POST", path, GenerationMode.POSITIVE, operator, {}, examples(40)
    )
    assert good in statuses


def _fuzz(
    url: str,
    document: dict[str, Any],
    method: str,
    path: str,
    mode: GenerationMode,
    token: str,
    fixed: dict[str, Any],
    count: int = EXAMPLES,
) -> set[int]:
    """Make the calls, validate each answer, and return the statuses that were seen."""
    statuses: set[int] = set()
    operation = schemathesis.openapi.from_dict(document)[path][method]

    @given(operation.as_strategy(generation_mode=mode, **fixed))
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    def call(case: Case[Any]) -> None:
        response = case.call_and_validate(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, excluded_checks=EXCLUDED, timeout=120
        )

        statuses.add(response.status_code)

    call()
    return statuses
