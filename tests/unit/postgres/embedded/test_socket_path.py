"""Where a socket fits."""

from __future__ import annotations

from pathlib import Path

from matcher.postgres.embedded.postmaster import SOCKET_PATH_LIMIT, fits_socket

NAME = "/.s.PGSQL.5432"


def test_the_limit_counts_bytes_of_the_whole_path() -> None:
    longest = Path("/" + "d" * (SOCKET_PATH_LIMIT - len(NAME) - 1))
    assert fits_socket(longest)
    assert not fits_socket(Path(f"{longest}d"))
    assert not fits_socket(Path(str(longest)[:-1] + "ñ"))
