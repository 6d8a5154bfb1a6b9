"""Named statements and how values are bound to them."""

from __future__ import annotations

import pytest

from matcher.postgres.statements import Statements

KEYS = Statements("api_keys")


def test_a_name_used_twice_is_one_numbered_parameter() -> None:
    assert KEYS.sql("touch_api_key").count("$1") == 2
    assert ":now" not in KEYS.sql("touch_api_key")
    assert KEYS._bind("touch_api_key", {"id": "k", "now": 7}) == [7, "k"]


@pytest.mark.parametrize("values", [{"id": "k"}, {"id": "k", "now": 7, "then": 8}])
def test_a_missing_or_surplus_value_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="touch_api_key takes"):
        KEYS._bind("touch_api_key", values)


def test_a_misspelt_value_is_refused() -> None:
    with pytest.raises(KeyError):
        KEYS._bind("touch_api_key", {"id": "k", "new": 7})
