"""The OpenAPI document tells the truth: it is valid, it lists the routes that are there, and its examples work."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.call.endpoint import Endpoint
from api.openapi import openapi_document
from api.pages.mount import ROWS
from api.routes import ROUTES
from matcher.domain.offer import CLEARABLE
from tests.api.live import Live


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    # By way of JSON, as callers get it.
    document: dict[str, Any] = json.loads(json.dumps(openapi_document(ROUTES, "1.2.3")))
    return document


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


#: What is for browsers and no part of the API.
PAGES = ("/ride", "/drive", "/ops", "/pages/", "/tiles/")


async def test_routes_and_document_list_the_same_calls(live: Live, document: dict[str, Any]) -> None:
    documented = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    served = {
        (route.method, route.resource.canonical)
        for route in live.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    for_people = {("GET", route) for method, route in served if route.startswith(PAGES)}
    assert len(for_people) == len(ROWS)
    assert documented == served - {("GET", "/docs/{asset}")} - for_people


def test_every_reference_leads_somewhere_and_every_schema_is_used(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    referenced = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert referenced == document["components"]["schemas"].keys()


def test_every_call_says_what_it_takes_and_gives(document: dict[str, Any]) -> None:
    for route in ROUTES:
        if not isinstance(route, Endpoint):
            continue
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["summary"].endswith(".")
        assert "Roles: " in operation["description"]
        assert {"401", "403", "500", "503"} <= operation["responses"].keys()
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= operation["responses"].keys()
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"]
        headers = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "header"}
        assert headers == {header.name for header in route.headers}
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_query_parameters_carry_their_bounds(document: dict[str, Any]) -> None:
    parameters = {p["name"]: p for p in document["paths"]["/v1/offers"]["get"]["parameters"]}
    assert parameters.keys() == {"status", "from", "to", "limit", "cursor"}
    limit = parameters["limit"]["schema"]
    assert (limit["minimum"], limit["maximum"], limit["default"], limit["type"]) == (1, 100, 20, "integer")
    assert parameters["from"]["schema"]["format"] == "date-time"
    assert parameters["status"]["schema"]["enum"] == ["OPEN", "CANCELLED", "PAST"]


def test_null_is_documented_only_where_it_is_taken(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    takes_null = {
        (name, key)
        for name, schema in schemas.items()
        for key, value in schema.get("properties", {}).items()
        if {"type": "null"} in value.get("anyOf", [])
    }
    preferences = {("PreferencesPatch", key) for key in schemas["PreferencesPatch"]["properties"]}
    of_trips = {(model, key) for model in ("OfferIn", "SeriesIn") for key in {*CLEARABLE} - {"price"}}
    removed = {*CLEARABLE, "via", "preferences", "comment"}
    of_trips |= {(model, key) for model in ("OfferPatch", "SeriesPatch") for key in removed}
    series = {("SeriesIn", "return"), *(("SeriesPatch", key) for key in ("exceptions", "return", "until"))}
    assert takes_null == {("ProfilePatch", "share_gender"), *of_trips, *series, *preferences}
    assert "default" not in schemas["OfferIn"]["properties"]["max_detour_s"]


def test_a_place_is_documented_as_one_of_two_forms(document: dict[str, Any]) -> None:
    origin = document["components"]["schemas"]["OfferIn"]["properties"]["origin"]
    assert len(origin["oneOf"]) == 2
    assert document["components"]["schemas"]["MatchIn"]["oneOf"] == [
        {"required": ["departure"]},
        {"required": ["arrival"]},
    ]


async def test_the_examples_work(live: Live) -> None:
    served = (await live.call("GET", "/openapi.json")).json
    schemas = served["components"]["schemas"]
    token = await live.key("admin")
    published = await live.call("POST", "/v1/offers", token, json=schemas["OfferIn"]["examples"][0])
    assert published.status == 201, published.body
    found = await live.call("POST", "/v1/match", await live.key("rider"), json=schemas["MatchIn"]["examples"][0])
    assert published.json["id"] in {match["offer_id"] for match in found.json["matches"]} or found.json["feasible"] > 10
    changed = await live.call(
        "PATCH",
        published.headers["Location"],
        token,
        json=schemas["OfferPatch"]["examples"][0],
        headers={"If-Match": published.headers["ETag"]},
    )
    assert changed.status == 200, changed.body
    for path in ("/v1/geocode", "/v1/reverse"):
        parameters = served["paths"][path]["get"]["parameters"]
        query = {p["name"]: str(p["schema"]["examples"][0]) for p in parameters if p["required"]}
        assert (await live.call("GET", path, token, params=query)).json["places"]


def examples_in(pointer: str, schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema with examples, at any depth, and where it is."""
    if isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from examples_in(f"{pointer}/{number}", part)
    elif isinstance(schema, dict):
        if isinstance(schema.get("examples"), list):
            yield pointer, schema
        for key in schema.keys() - {"examples", "default", "const", "enum"}:
            yield from examples_in(f"{pointer}/{key}", schema[key])


def test_every_example_is_what_its_schema_allows(document: dict[str, Any]) -> None:
    found = dict(examples_in("", {"schemas": document["components"]["schemas"], "paths": document["paths"]}))
    assert len(found) > 100
    for pointer, schema in found.items():
        rooted = schema | {"components": document["components"]}
        for example in schema["examples"]:
            faults = [fault.message for fault in OAS31Validator(rooted).iter_errors(example)]
            assert faults == [], pointer


def test_bodies_of_kept_requests_and_series_have_examples(document: dict[str, Any]) -> None:
    named = set()
    for path, methods in document["paths"].items():
        if path.startswith(("/v1/requests", "/v1/series")) or path == "/v1/offers/{offer_id}/requests":
            for operation in methods.values():
                bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
                schemas = [content["schema"]["$ref"] for body in bodies for content in body.get("content", {}).values()]
                named |= {ref.rpartition("/")[2] for ref in schemas}
    without = {name for name in named if not document["components"]["schemas"][name].get("examples")}
    assert without <= {"MatchesOut", "ProblemOut"}
    assert len(named) > 8
