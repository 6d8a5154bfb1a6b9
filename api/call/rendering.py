"""From a wire model to a response."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from pydantic import BaseModel
from pydantic_core import to_json

JSON_TYPE = "application/json"


def json_bytes(model: BaseModel) -> bytes:
    """The model as JSON; what is None is left out."""
    return to_json(model, by_alias=True, exclude_none=True)


def json_response(model: BaseModel, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """The model as an answer."""
    return web.Response(status=status, body=json_bytes(model), content_type=JSON_TYPE, headers=headers)
