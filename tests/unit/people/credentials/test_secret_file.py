"""Secret files: private, whole, and the same for everybody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from matcher.people.credentials.secret_file import SecretUnusable, find_secret, read_or_make_secret


def test_a_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "data" / "pepper"
    secret = read_or_make_secret(path)
    assert len(secret) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_or_make_secret(path) == secret
    assert read_or_make_secret(tmp_path / "other") != secret
    assert [entry.name for entry in path.parent.iterdir()] == ["pepper"]


def test_all_who_start_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: read_or_make_secret(tmp_path / "pepper"), range(64)))) == 1


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pepper"
    read_or_make_secret(path)
    path.chmod(0o644)
    with pytest.raises(SecretUnusable, match="chmod 600"):
        read_or_make_secret(path)


@pytest.mark.parametrize("content", [b"", b"not hex", b"abcd", b"\xff\xfe"])
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pepper"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SecretUnusable):
        read_or_make_secret(path)
    assert path.read_bytes() == content


def test_the_text_of_a_file_names_the_secret_in_it(tmp_path: Path) -> None:
    secret = read_or_make_secret(tmp_path / "pepper")
    assert find_secret((tmp_path / "pepper").read_text()) == secret
    assert find_secret(f"{secret.hex()}\n") == secret
    for none in ("", "correct horse battery staple for ever", secret.hex()[:62]):
        assert find_secret(none) is None
