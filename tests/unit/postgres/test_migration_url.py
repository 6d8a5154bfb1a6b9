"""The URL that dbmate is given."""

from __future__ import annotations

import pytest

from matcher.postgres.migrations import _for_dbmate, known_migrations


@pytest.mark.parametrize(
    ("url", "uses_tls", "expected"),
    [
        ("postgres://a:b@db/c", False, "postgres://a:b@db/c?sslmode=disable"),
        ("postgres://a:b@db/c", True, "postgres://a:b@db/c?sslmode=require"),
        ("postgres://a:b@db:5433/c?sslmode=prefer", True, "postgres://a:b@db:5433/c?sslmode=require"),
        ("postgres://a:b@db/c?sslmode=verify-full", True, "postgres://a:b@db/c?sslmode=verify-full"),
        ("postgres://a:b@db/c?sslmode=disable&connect_timeout=3", False, "postgres://a:b@db/c?sslmode=disable&connect_timeout=3"),
        ("postgresql://a:p%40%2F@/c?host=/run/x%20y&port=5432", False, "postgresql://a:p%40%2F@/c?host=/run/x%20y&port=5432&sslmode=disable"),
    ],
)  # fmt: skip
def test_it_says_whether_to_use_tls_as_the_driver_found_out(url: str, uses_tls: bool, expected: str) -> None:
    assert _for_dbmate(url, uses_tls=uses_tls) == expected


def test_migrations_are_known_by_their_digits_in_order() -> None:
    known = known_migrations()
    assert known[0] == "0001"
    assert list(known) == sorted(set(known))
    assert all(version.isdigit() for version in known)
