"""The service about itself: health, problems, and the way in."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.schemas.fields import Maybe, WireIn, WireOut


class Nothing(WireIn):
    """No parameters; no body."""


class AliveOut(WireOut):
    """The process answers."""

    status: str = Field(examples=["alive"])


class ReadyOut(WireOut):
    """Readiness, and the result of each check: what is wrong, or a text that begins with "ok"."""

    ready: bool
    checks: dict[str, str] = Field(
        examples=[{"roads": "ok", "index": "ok", "database": "ok", "changes": "ok, 0.3 s behind, change 1204"}]
    )
    region: Maybe[str] = None
    offers: Maybe[int] = Field(None, description="offers that can be matched")
    version: str
    worker: Maybe[int] = Field(None, description="number of the worker that answered, from 1")


class EntranceOut(WireOut):
    """Links to the documentation."""

    name: str
    version: str
    docs: str
    openapi: str


class FaultOut(WireOut):
    """One thing wrong with the input."""

    detail: str = Field(description="what is wrong and what to do about it")
    code: Maybe[str] = Field(None, examples=["missing"])
    pointer: Maybe[str] = Field(
        None, description="where in the body, as a JSON pointer (RFC 6901)", examples=["/origin/lat"]
    )
    parameter: Maybe[str] = Field(None, description="which query parameter", examples=["limit"])
    header: Maybe[str] = Field(None, description="which header", examples=["If-Match"])


class ProblemOut(WireOut):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="a page about this kind of problem")
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    code: str = Field(description="stable code of this kind of problem")
    request_id: str = Field(description="quote it when asking for help; also in X-Request-Id")
    errors: Maybe[list[FaultOut]] = Field(None, description="every fault of the input")

    def members(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_none=True)
