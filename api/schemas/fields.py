"""Types of values on the wire: numbers, texts and times with their bounds; absent keys versus null."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from matcher.domain.errors.tree import Fault
from matcher.domain.names import cleaned

#: Years that a time may lie in: wide enough for any trip, and no sum with a duration leaves the calendar.
MIN_YEAR, MAX_YEAR = 2000, 2199

MAX_PAGE = 100

#: The day of every example; the document that is served has one of the coming week in its place.
EXAMPLE_DAY = "2026-12-01"

_RFC3339 = re.compile(r"(\d{4})-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_QUERY_INTEGER = re.compile(r"-?\d{1,9}", re.ASCII)
_QUERY_NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,3})?", re.ASCII)

T = TypeVar("T")


class WireIn(BaseModel):
    """What callers send: strict types, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    def faults(self) -> list[Fault]:
        """What is wrong although every single field is valid."""
        return []

    def domain_values(self, *names: str) -> dict[str, Any]:
        """These fields by name, or all, as the domain has them: models by their `to_domain`, lists as tuples."""
        return {name: _domain(getattr(self, name)) for name in names or type(self).model_fields}


def _domain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_domain, value))
    return value.to_domain() if hasattr(value, "to_domain") else value


class WireOut(BaseModel):
    """What callers get: made from the domain, never from input."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True, validate_by_name=True)

    @classmethod
    def of(cls, source: object, **given: Any) -> Self:
        """The model with what is given, and every other field from the source's attribute of the same name, if any."""
        taken = {
            name: getattr(source, name) for name in cls.model_fields if name not in given and hasattr(source, name)
        }
        return cls(**taken, **given)


class _RefuseNull:
    """Validates like `T | None` without the None: the key may be absent, and null is a fault."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        if schema["type"] != "nullable":
            raise TypeError(f"{source} has no None to refuse")
        inner: CoreSchema = schema["schema"]
        return inner


class _NeverNull:
    """Documents `T | None` as T: what is None is left out of an answer."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema["schema"] if schema["type"] == "nullable" else schema)


#: A key of an input that may be absent (then it is None) and may not be null.
Absent = Annotated[T | None, _RefuseNull()]
#: A key of an answer that is left out when it is None.
Maybe = Annotated[T | None, _NeverNull()]


def _integral(value: object) -> object:
    """3.0 is 3, as JSON has one type of number (RFC 8259 section 6); strict int refuses 3.5, true and "3"."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _rfc3339(value: object) -> datetime:
    """A time of RFC 3339 with its offset, to the microsecond (finer digits are cut)."""
    match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None or not isinstance(value, str):
        raise PydanticCustomError(
            "invalid_time",
            "must be a time with an offset, such as 2026-12-01T07:45:00-03:00 (in a query, + is written %2B)",
        )
    if not MIN_YEAR < int(match[1]) < MAX_YEAR:
        raise PydanticCustomError("time_out_of_range", f"must be in the years {MIN_YEAR + 1} to {MAX_YEAR - 1}")
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        raise PydanticCustomError("invalid_time", "is not a valid date and time, or its offset is not valid") from None


def _query_integer(value: object) -> object:
    return int(value) if isinstance(value, str) and _QUERY_INTEGER.fullmatch(value) else value


def _query_number(value: object) -> object:
    return float(value) if isinstance(value, str) and _QUERY_NUMBER.fullmatch(value) else value


def _query_flag(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


Integral = BeforeValidator(_integral)
QueryFlag = BeforeValidator(_query_flag)
QueryInteger = BeforeValidator(_query_integer)
QueryNumber = BeforeValidator(_query_number)
Time = Annotated[
    datetime,
    Field(description="RFC 3339 with an offset", examples=[f"{EXAMPLE_DAY}T07:45:00-03:00"]),
    BeforeValidator(_rfc3339, json_schema_input_type=Annotated[str, Field(json_schema_extra={"format": "date-time"})]),
]


class PageQuery(WireIn):
    """How many items, and from where on."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="items per page"), QueryInteger] = 20
    cursor: Absent[Annotated[str, Field(max_length=200, description="`next_cursor` of the previous page")]] = None

    @property
    def filters(self) -> object:
        """What selects the items; with the same repr exactly when it is the same list."""
        chosen = self.model_dump(exclude={"limit", "cursor"}).items()
        return type(self).__name__, [(name, _canonical(value)) for name, value in chosen]


def _canonical(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.lower() if isinstance(value, str) else value


_PRINTABLE_LINE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
_PRINTABLE_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
CURRENCY = r"^[A-Z]{3}$"
OFFER_ID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
REGION = r"^[a-z0-9][a-z0-9_-]{0,62}$"

#: What a caller is told whose text does not match one of the patterns.
SPELLINGS = {
    _PRINTABLE_LINE: "must be a single line with a visible character and no control characters",
    _PRINTABLE_TEXT: "must not have control characters other than line breaks and tabs",
    CURRENCY: "must be an ISO 4217 currency code such as EUR",
    OFFER_ID: "must be the id of an offer, a UUID",
    REGION: "must be the name of a region: lower-case letters, digits, - and _",
}


def _cleaned(value: object) -> object:
    return cleaned(value) if isinstance(value, str) else value


#: Put last in a text's metadata: it is kept in NFC, without invisible characters and those that change its direction.
CLEANED = BeforeValidator(_cleaned)


def line(max_length: int, description: str, example: str) -> Any:
    """Metadata of one line of text with at least one visible character and no control characters."""
    return Field(
        min_length=1, max_length=max_length, pattern=_PRINTABLE_LINE, description=description, examples=[example]
    )


def text(max_length: int, description: str, example: str) -> Any:
    """Metadata of free text: line breaks and tabs, and no other control characters."""
    return Field(max_length=max_length, pattern=_PRINTABLE_TEXT, description=description, examples=[example])


Latitude = Annotated[float, Field(ge=-90, le=90, description="degrees north, WGS84", examples=[-29.953])]
Longitude = Annotated[float, Field(ge=-180, le=180, description="degrees east, WGS84", examples=[-71.338])]
Metres = Annotated[float, Field(ge=0, description="metres")]
Seconds = Annotated[float, Field(ge=0, description="seconds")]
Share = Annotated[float, Field(ge=0, le=1)]
Identifier = Annotated[UUID, Field(description="UUIDv7")]
OfferStatusName = Literal["OPEN", "CANCELLED", "PAST"]
