"""SQLSTATE and constraint names to domain errors."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from matcher.domain.errors.tree import DatabaseUnavailable, InvalidField, OfferNotFound, SeatsExhausted
from matcher.postgres.errors import domain_errors


def _translated(error: BaseException) -> BaseException:
    with pytest.raises(BaseException) as caught, domain_errors():
        raise error
    return caught.value


def _from_server(state: str, constraint: str | None = None) -> asyncpg.PostgresError:
    fields = {"S": "ERROR", "V": "ERROR", "C": state, "M": "secret words of the server"}
    return asyncpg.PostgresError.new(fields if constraint is None else fields | {"n": constraint})


@pytest.mark.parametrize(
    "error",
    [
        *(_from_server(state) for state in ("08006", "28P01", "3D000", "40001", "40P01", "53100", "53300", "55P03")),
        *(_from_server(state) for state in ("57014", "57P01", "57P03", "58030", "25006")),
        ConnectionRefusedError(111, "refused"),
        FileNotFoundError(2, "no socket"),
        TimeoutError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InterfaceError("pool is closing"),
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
    ],
    ids=repr,
)
def test_what_will_pass_is_unavailable_and_tells_nothing(error: Exception) -> None:
    translated = _translated(error)
    assert type(translated) is DatabaseUnavailable
    assert translated.retry_after_s >= 1
    assert "secret" not in translated.detail
    assert translated.__cause__ is error


@pytest.mark.parametrize("state", ["22021", "22P05", "22003"])
def test_unfit_values_are_invalid(state: str) -> None:
    assert type(_translated(_from_server(state))) is InvalidField


def test_a_named_constraint_speaks_for_itself() -> None:
    assert type(_translated(_from_server("23514", "offers_seats_left_in_range"))) is SeatsExhausted
    refusal = _translated(_from_server("23514", "offers_comment_short"))
    assert isinstance(refusal, InvalidField)
    assert refusal.faults[0].pointer == "/comment"


@pytest.mark.parametrize(
    "error",
    [
        _from_server("42601"),
        _from_server("23514", "api_keys_digest_length"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        OfferNotFound("no such offer"),
        asyncio.CancelledError(),
        KeyError("x"),
    ],
    ids=repr,
)
def test_everything_else_comes_out_as_it_went_in(error: BaseException) -> None:
    assert _translated(error) is error
