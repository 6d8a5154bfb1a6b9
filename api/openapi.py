"""The OpenAPI 3.1 document, made from the route table and the wire models."""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from api.call.endpoint import Endpoint, Page
from api.call.errors import (
    PROBLEM_JSON,
    BodyTimeout,
    BodyTooLarge,
    DeadlineExceeded,
    InternalError,
    InvalidQuery,
    MalformedJson,
    RateLimited,
    UnsupportedMediaType,
    status_of,
)
from api.call.reading import JSON
from api.schemas.service import Nothing, ProblemOut
from matcher.domain.errors.tree import (
    CarpoolError,
    DatabaseUnavailable,
    InvalidInput,
    NotReady,
    Overloaded,
    RoleForbidden,
    Unauthenticated,
)

Schema = dict[str, Any]
Routes = Sequence[Endpoint[Any, Any] | Page]

_REF = "#/components/schemas/{model}"
_ALWAYS = (
    Unauthenticated,
    RoleForbidden,
    RateLimited,
    InternalError,
    DatabaseUnavailable,
    NotReady,
    Overloaded,
    DeadlineExceeded,
)
_WITH_BODY = (MalformedJson, BodyTimeout, BodyTooLarge, UnsupportedMediaType, InvalidInput)
_VERSION = {"ETag": "its version"}
_REPLAYED = {"Idempotency-Replayed": "`true` on a replayed answer"}
_READ = {200: _VERSION}
_READ_OR_UNCHANGED = {200: _VERSION, 304: _VERSION}
_PAGE = {200: {"Link": 'the next page, as rel="next"'}}
_ANSWER_HEADERS: Mapping[str, Mapping[int, Mapping[str, str]]] = {
    "publish_offer": {201: {"Location": "the offer"} | _VERSION | _REPLAYED},
    "read_profile": _READ_OR_UNCHANGED,
    "change_profile": _READ,
    "read_offer": _READ_OR_UNCHANGED,
    "change_offer": _READ,
    "cancel_offer": _READ,
    "book_seats": {201: {"Location": "the booking"} | _VERSION | _REPLAYED},
    "read_booking": _READ_OR_UNCHANGED,
    "change_booking": _READ,
    "list_bookings": _PAGE,
    "create_webhook": {201: {"Location": "the webhook"} | _VERSION | _REPLAYED},
    "read_webhook": _READ,
    "change_webhook": _READ,
    "rotate_webhook_secret": _READ,
    "list_deliveries": _PAGE,
    "keep_request": {201: {"Location": "the request"} | _REPLAYED},
    "list_requests": _PAGE,
    "publish_series": {201: {"Location": "the series"} | _VERSION | _REPLAYED},
    "read_series": _READ,
    "change_series": _READ,
    "withdraw_series": _READ,
    "list_series": _PAGE,
    "list_offers": _PAGE,
}
_PROBLEM_HEADERS = {
    401: {"WWW-Authenticate": "the authentication scheme"},
    429: {
        "Retry-After": "seconds",
        "RateLimit": "remaining quota, and when it resets",
        "RateLimit-Policy": "the quota",
    },
    503: {"Retry-After": "seconds until a retry"},
}


class _Generator(GenerateJsonSchema):
    """Leaves out `default: null`: an absent key is absent, and null is refused."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            made.pop("default")
        return made


def openapi_document(routes: Routes, version: str) -> Schema:
    """Every route that has answers, with its parameters, bodies, answers and problems."""
    routes = [route for route in routes if route.answers]
    models = _models(routes)
    refs, definitions = models_json_schema(models, ref_template=_REF, schema_generator=_Generator)
    paths: dict[str, Schema] = defaultdict(dict)
    for route in routes:
        schema_of = {model: refs[model, mode] for model, mode in models}
        paths[route.path][route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "carpool-matcher",
            "version": version,
            "description": "Matches riders with drivers' offers exactly on the road network. "
            "Times are RFC 3339 with an offset, lengths in metres, durations in seconds, "
            "coordinates in degrees (WGS84). Absent keys have no value.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_tag(route) for route in routes)],
        "paths": dict(paths),
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "an API key (`carpool keys create`) or a signed token",
                }
            },
        },
    }


def _models(routes: Routes) -> list[tuple[type[BaseModel], Any]]:
    found: dict[type[BaseModel], str] = {ProblemOut: "serialization"}
    for route in routes:
        found |= {model: "serialization" for model in route.answers.values() if isinstance(model, type)}
        if isinstance(route, Endpoint) and route.body is not Nothing:
            found[route.body] = "validation"
    return list(found.items())


def _operation(route: Endpoint[Any, Any] | Page, schema_of: Mapping[type[BaseModel], Schema]) -> Schema:
    name = route.handler.__name__
    summary, _, description = (inspect.getdoc(route.handler) or "").partition("\n\n")
    operation: Schema = {
        "operationId": name,
        "tags": [_tag(route)],
        "summary": summary.replace("\n", " ").replace("`", ""),
    }
    if description:
        operation["description"] = description
    parameters = [_path_parameter(step) for step in re.findall(r"{(\w+)}", route.path)]
    types = route.answer_types if isinstance(route, Endpoint) else JSON
    answers = {str(status): _answer(status, model, schema_of, name, types) for status, model in route.answers.items()}
    if isinstance(route, Page):
        operation["security"] = []
        operation["responses"] = answers | (_problems([InternalError], schema_of))
    else:
        roles = ", ".join(sorted(role.value for role in route.roles))
        operation["description"] = f"{description}\n\nRoles: {roles}.".strip()
        parameters += [*_query_parameters(route.query), *(_header_parameter(header) for header in route.headers)]
        raises: list[type[CarpoolError]] = [*_ALWAYS, InvalidQuery, *route.raises]
        if route.body is not Nothing:
            content = {media_type: {"schema": schema_of[route.body]} for media_type in route.media_types}
            operation["requestBody"] = {"required": True, "content": content}
            raises += _WITH_BODY
        operation["responses"] = answers | _problems(raises, schema_of)
    if parameters:
        operation["parameters"] = parameters
    return operation


def _answer(
    status: int,
    model: type[BaseModel] | str | None,
    schema_of: Mapping[type[BaseModel], Schema],
    name: str,
    types: Sequence[str],
) -> Schema:
    answer: Schema = {"description": HTTPStatus(status).phrase}
    if isinstance(model, str):
        answer["content"] = {model: {}}
    elif model is not None:
        others = {media_type: {"schema": {"type": "string"}} for media_type in types[1:]}
        answer["content"] = {types[0]: {"schema": schema_of[model]}} | others
    if headers := _ANSWER_HEADERS.get(name, {}).get(status):
        answer["headers"] = _headers(headers)
    return answer


def _problems(raises: Iterable[type[CarpoolError]], schema_of: Mapping[type[BaseModel], Schema]) -> Schema:
    codes: dict[int, dict[str, None]] = defaultdict(dict)
    for kind in raises:
        codes[status_of(kind).value][kind.code] = None
    return {str(status): _problem(status, ", ".join(codes[status]), schema_of) for status in sorted(codes)}


def _problem(status: int, codes: str, schema_of: Mapping[type[BaseModel], Schema]) -> Schema:
    problem: Schema = {
        "description": f"{HTTPStatus(status).phrase}: {codes}",
        "content": {PROBLEM_JSON: {"schema": schema_of[ProblemOut]}},
    }
    if status in _PROBLEM_HEADERS:
        problem["headers"] = _headers(_PROBLEM_HEADERS[status])
    return problem


def _headers(headers: Mapping[str, str]) -> Schema:
    return {name: {"description": what, "schema": {"type": "string"}} for name, what in headers.items()}


def _path_parameter(name: str) -> Schema:
    schema = {"type": "string", "format": "uuid"} if name.endswith("_id") else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(model: type[BaseModel]) -> list[Schema]:
    schema = model.model_json_schema(schema_generator=_Generator)
    required = set(schema.get("required", ()))
    parameters: list[Schema] = []
    for name, field in schema.get("properties", {}).items():
        field.pop("title", None)
        description = {"description": field.pop("description")} if "description" in field else {}
        parameters.append({"name": name, "in": "query", "required": name in required, **description, "schema": field})
    return parameters


def _header_parameter(header: Any) -> Schema:
    schema = {"type": "string"} | ({"pattern": header.pattern} if header.pattern is not None else {})
    about = {"required": header.required, "description": header.description}
    return {"name": header.name, "in": "header", **about, "schema": schema}


def _tag(route: Endpoint[Any, Any] | Page) -> str:
    return route.path.split("/")[2] if route.path.startswith("/v1/") else "service"
